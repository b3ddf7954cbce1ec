//! `host list` and `host explain`: everything that has a name, whatever its origin.

use std::path::Path;

use serde_json::Value;

use crate::{Place, host, said};

/// What the program says to these words.
#[track_caller]
fn says(place: &Place, words: &str) -> String {
    let output = host(place.path()).args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{words}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// A folder `extra` with the plugin of further votes in it.
fn with_plugin() -> Place {
    let place = Place::new();
    let folder = place.path().join("extra");
    std::fs::create_dir(&folder).unwrap();
    let beside = std::env::current_exe().unwrap();
    let library = beside.with_file_name("libneurhai_votes.so");
    std::fs::copy(library, folder.join("votes.so")).unwrap();
    place
}

#[test]
fn every_kind_is_listed_with_its_origin() {
    let place = with_plugin();
    let list: Value = serde_json::from_str(&says(&place, "list --json --plugins extra")).unwrap();
    let kinds: Vec<_> = list.as_object().unwrap().keys().map(String::as_str).collect();
    let all = "architectures layers transposes votes metrics losses transforms optimizers schedules samplers methods functions";
    assert_eq!(kinds.join(" "), all);
    for (kind, entries) in list.as_object().unwrap() {
        let entries = entries.as_array().unwrap();
        assert!(!entries.is_empty(), "{kind}");
        for entry in entries {
            assert!(entry["name"].is_string() && entry["help"].is_string(), "{entry}");
            let origins = ["built_in", "plugin", "script"];
            assert!(origins.contains(&entry["origin"]["from"].as_str().unwrap()), "{entry}");
        }
    }
    let votes = list["votes"].as_array().unwrap();
    let median = votes.iter().find(|vote| vote["name"] == "median").unwrap();
    assert_eq!(median["origin"]["plugin"], "votes");
    assert!(Path::new(median["origin"]["file"].as_str().unwrap()).ends_with("extra/votes.so"));

    let votes = says(&place, "list votes --plugins extra");
    let line = |name: &str| votes.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("median").contains("  plugin votes 0.1.0  "), "{votes}");
    assert!(line("soft").contains("  built in  "), "{votes}");
    assert!(!says(&place, "list votes").contains("median"));
}

#[test]
fn entries_of_plugins_are_explained() {
    let place = with_plugin();
    let text = says(&place, "explain trimmed_mean --plugins extra");
    for part in [
        "vote \"trimmed_mean\"",
        "\noptions\n",
        "vote: \"trimmed_mean\", vote_options: #{",
        "\nsource   ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(
        text.contains("from     plugin votes 0.1.0 (") && text.contains("extra/votes.so)"),
        "{text}"
    );
}

#[test]
fn what_a_script_registers_is_listed_and_explained() {
    let place = Place::new();
    let script = r#"
        print("not in the way");
        architecture("Mine", "A network of my own.", #{ width: arg("width") }, |p| [flatten(), linear(p.outputs)]);
        vote("first", "The first part decides.", #{ power: 2.0 }, |parts, p| parts[0].scores);
        train(#{});
    "#;
    std::fs::write(place.path().join("mine.rhai"), script).unwrap();
    let text = says(&place, "list architectures --script mine.rhai -- --width 3");
    let line = text.lines().find(|line| line.starts_with("Mine")).unwrap();
    assert!(line.contains("  mine.rhai:3  ") && line.ends_with("A network of my own."), "{text}");
    assert!(!text.contains("not in the way"), "{text}");
    let text = says(&place, "explain Mine --script mine.rhai -- --width 3");
    assert!(text.contains("architecture \"Mine\"\n\nA network of my own.\n"), "{text}");
    let vote = says(&place, "explain first --script mine.rhai -- --width 3");
    assert!(vote.contains("vote: \"first\", vote_options: #{ power: 2.0 }"), "{vote}");
    assert!(vote.ends_with("from     mine.rhai:4\n"), "{vote}");
    assert!(text.contains("  width  3  ") && text.ends_with("from     mine.rhai:3\n"), "{text}");

    let refused = |words: &str, part: &str| {
        let output = host(place.path()).args(words.split_whitespace()).output().unwrap();
        assert!(!output.status.success() && said(&output).contains(part), "{}", said(&output));
    };
    refused("list --script mine.rhai", "E0105");
    refused("explain Mine --script none.rhai", "there is no script");
    refused("explain Minf --script mine.rhai -- --width 3", "E0106");
    refused("explain soff", "did you mean \"soft\"?");
}
