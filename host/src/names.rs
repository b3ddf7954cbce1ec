//! Calls of functions that do not exist, found before a script runs: a slip in its last line should
//! not show after hours of training.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Engine, Expr, Position, Stmt};

use crate::report::{Kind, scan};

/// What Rhai itself knows beside registered functions.
const KEYWORDS: [&str; 9] =
    ["call", "curry", "Fn", "is_shared", "is_def_var", "is_def_fn", "type_of", "print", "debug"];

/// The names of functions that `ast` calls although nobody defines them, with their places.
pub(crate) fn unknown_calls(engine: &Engine, ast: &AST, text: &str) -> Vec<(String, Position)> {
    let mut known: BTreeSet<String> = KEYWORDS.map(String::from).into();
    known.extend(engine.collect_fn_metadata(
        None,
        |info| Some(info.metadata.name.to_string()),
        true,
    ));
    known.extend(ast.iter_functions().map(|function| function.name.to_owned()));
    // An entry of a map may be a function and then be called like a method.
    let tokens = scan(text);
    let entry = |pair: &&[crate::report::Token<'_>]| pair[0].kind != Kind::Sign && pair[1].is(":");
    known.extend(tokens.windows(2).filter(entry).map(|pair| pair[0].text.to_owned()));

    let mut unknown = Vec::new();
    ast.walk(&mut |path| {
        let (call, position) = match path.last() {
            Some(ASTNode::Expr(
                Expr::FnCall(call, position) | Expr::MethodCall(call, position),
            ))
            | Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => (call, *position),
            _ => return true,
        };
        let own = call.namespace.is_empty() && call.op_token.is_none();
        if own && !known.contains(call.name.as_str()) {
            unknown.push((call.name.to_string(), position));
        }
        true
    });
    unknown.sort_by_key(|(_, position)| (position.line(), position.position()));
    unknown.dedup();
    unknown
}
