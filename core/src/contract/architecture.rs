use super::{Findings, network, required};
use crate::catalog::{ArchitectureEntry, ArchitectureRequest, Catalog};
use crate::error::Result;
use crate::network::{NetworkSpec, Plan};

/// Images and slices of one and of three channels; an architecture need not take all of them.
const INPUTS: [&[i64]; 6] = [
    &[1, 32, 32, 32],
    &[1, 64, 65, 66],
    &[1, 97, 96, 95],
    &[1, 32, 32],
    &[1, 96, 97],
    &[3, 65, 64],
];
/// Multiply–adds of a network that is small enough to be computed in passing.
const SMALL: u64 = 1_000_000_000;

pub(super) fn check(catalog: &Catalog, entry: &ArchitectureEntry, findings: &mut Findings) {
    if !entry.help.is_empty() {
        findings.help(&entry.help);
    }
    let build = |input: &[i64], outputs: i64| -> Result<(Plan, NetworkSpec)> {
        let options = required(&entry.options);
        let request = ArchitectureRequest { input: input.to_vec(), outputs, options };
        let spec = entry.architecture.build(&request, catalog)?;
        Ok((Plan::new(spec.clone(), input, catalog)?, spec))
    };
    let (mut taken, mut refusals, mut computed) = (0, Vec::new(), false);
    for input in INPUTS {
        match build(input, 2) {
            Err(error) => refusals.push(error.problems()[0].message.clone()),
            Ok((plan, spec)) => {
                taken += 1;
                let found = build(input, 3);
                if spec.is_autoencoder() || plan.output == input {
                    findings.that("the input's shape to be restored", plan.output == input);
                } else if let Some((three, _)) =
                    findings.ok("as many outputs as were asked for", found)
                {
                    let right = plan.output == [2] && three.output == [3];
                    findings.that("as many outputs as were asked for", right);
                }
                let again = build(input, 2);
                findings.that("the same network again", again.is_ok_and(|(_, same)| same == spec));
                if plan.multiply_adds() < SMALL && !computed {
                    computed = true;
                    network::check(catalog, &spec, input, findings);
                }
            }
        }
    }
    if taken == 0 {
        let refusals = refusals.join("; ");
        findings.that(&format!("to take images or slices of common sizes, but {refusals}"), false);
    }
    findings.unknown_option(&entry.options, |given| {
        let (input, options) = (INPUTS[2].to_vec(), given.clone());
        entry.architecture.build(&ArchitectureRequest { input, outputs: 2, options }, catalog)
    });
}
