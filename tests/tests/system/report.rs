//! `host report`, and `host compare` of several experiments: pages that hold everything and need nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::{Place, host, said};

/// A network that sees patches, and one that sees whole images.
const RUNS: &str = r#"
    architecture("Tiny", #{}, |p| [ conv(4, 3, #{ stride: 2 }), relu(), max_pool(2), flatten(), linear(p.outputs) ]);
    let heads = caps("data/caps");
    let one = #{ splits: "data/splits", architecture: "Tiny", epochs: 3, batch_size: 4, learning_rate: 1e-3,
                 selection_metrics: ["loss"], device: "cpu" };
    train(one + #{ data: heads.patches(9, 9), output: "patches" });
    train(one + #{ data: heads, output: "images" });
    train(one + #{ data: heads, seed: 5, output: "again" });
    train(one + #{ data: heads, task: "regression", label: "age", output: "ages" });
"#;

fn made() -> Place {
    let place = Place::new();
    let output = place.run(RUNS);
    assert!(output.status.success(), "{}", said(&output));
    place
}

#[track_caller]
fn page(place: &Place, words: &[&str], file: &str) -> String {
    let output = host(place.path()).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", said(&output));
    fs::read_to_string(place.path().join(file)).unwrap()
}

/// Every tag is closed in its order, and nothing is asked for that is not within the page.
#[track_caller]
pub(crate) fn check_structure(page: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        let (tag, after) = (&rest[start + 1..end], &rest[end + 1..]);
        rest = after;
        if tag.starts_with('!') || tag.ends_with('/') {
            continue;
        }
        let name: String = tag.chars().take_while(|c| c.is_alphanumeric() || *c == '/').collect();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "before {:.200}", rest),
            None if ["meta", "br", "img"].contains(&name.as_str()) => {}
            None => open.push(name.clone()),
        }
        assert_ne!(name, "script");
        for attribute in ["src=\"", "href=\""] {
            if let Some((_, value)) = tag.split_once(attribute) {
                assert!(
                    value.starts_with("data:image/png;base64,") || value.starts_with('#'),
                    "{tag:.100}"
                );
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for link in page.split("href=\"#").skip(1) {
        let target = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{target}\"")), "#{target} leads nowhere");
    }
    let charts = page.matches("<svg ").count();
    assert_eq!(page.matches("<title>").count(), charts + 1, "every chart has a title");
    assert_eq!(page.matches("<desc>").count(), charts, "every chart says what it shows");
    assert_eq!(page.matches("<img ").count(), page.matches("\" alt=\"").count());
    assert!(page.len() < 5_000_000);
}

#[test]
fn reports_hold_everything_and_what_users_wrote_stays_text() {
    let place = made();
    let first = page(&place, &["report", "patches"], "patches/report.html");
    check_structure(&first);
    for part in [
        "id=\"result\"",
        "Few images in validation",
        "Data flow",
        "Learning curves",
        "Confusion matrix",
        "ROC curves",
        "Reliability diagram",
        "What parts weigh",
        "<title>loss",
        "Methods",
        "Configuration",
        "data:image/png;base64,",
        "libtorch",
        "one + #{",
    ] {
        let part = part.replace("<title>loss", "Split 0: loss");
        assert!(first.contains(&part), "{part:?} is not in the page");
    }
    assert!(first.contains("Images were cut into patches of 9 voxels per axis"), "methods");
    // The same folder gives the same bytes.
    assert_eq!(first, page(&place, &["report", "patches", "--output", "b.html"], "b.html"));
    // Nor does it matter from where one looks: what training read is found.
    let words = ["report", "../patches", "--output", "../c.html"];
    let output = host(&place.path().join("data")).args(words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(first, fs::read_to_string(place.path().join("c.html")).unwrap());
    let ages = page(&place, &["report", "ages", "--output", "ages.html"], "ages.html");
    check_structure(&ages);
    for part in ["Bland–Altman", "Predicted against true age", "Largest errors", "<img "] {
        assert!(ages.contains(part), "{part:?} is not in the page");
    }

    // Names, scripts and options that would be part of a page.
    let hostile = "<script>alert(1)</script>\"'";
    let best = place.path().join("ages/split-0/best-loss/validation");
    let table = best.join("validation_image_level_prediction.tsv");
    let text = fs::read_to_string(&table).unwrap();
    fs::write(&table, text.replacen("sub-PHAN", "<script>alert(1)</script>", 1)).unwrap();
    fs::write(place.path().join("ages/script.rhai"), hostile).unwrap();
    let maps = place.path().join("ages/maps.json");
    let text = fs::read_to_string(&maps).unwrap();
    let quoted = serde_json::to_string(hostile).unwrap();
    fs::write(&maps, text.replace("\"Tiny\"", &quoted).replace("\"age\"", &quoted)).unwrap();
    let page = page(&place, &["report", "ages", "-o", "ages.html"], "ages.html");
    check_structure(&page);
    assert!(page.contains("&lt;script&gt;alert(1)"));

    // Images that are gone are told, and stop nothing.
    fs::remove_dir_all(place.path().join("data/caps/subjects")).unwrap();
    let gone = self::page(&place, &["report", "patches"], "patches/report.html");
    assert!(gone.contains("the images are not where they were"));
    let output = host(place.path()).args(["report", "data"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn several_experiments_are_compared_with_tests() {
    let place = made();
    let words = ["compare", "patches", "images", "again", "--html", "c.html", "--json"];
    let output = host(place.path()).args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tests = json["together"]["tests"][0]["tests"].as_array().unwrap();
    let mcnemar: Vec<&Value> = tests.iter().filter(|test| test["test"] == "McNemar").collect();
    assert_eq!(mcnemar.len(), 3, "{tests:#?}");
    assert!(mcnemar.iter().all(|test| test["p_holm"].as_f64() >= test["p"].as_f64()));
    let names: Vec<&Value> =
        json["together"]["options"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(
        names.iter().any(|name| **name == "seed") && names.iter().any(|name| **name == "data.mode")
    );
    let page = fs::read_to_string(place.path().join("c.html")).unwrap();
    check_structure(&page);
    let output = host(place.path()).args(["compare", "images", "again"]).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("paired tests: validation, best loss") && text.contains("McNemar"),
        "{text}"
    );
    let output = host(place.path()).args(["compare", "images"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

/// Chromium, where there is one; where all tests are to run, there must be.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut all =
        std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = all.find(|file| file.is_file());
    assert!(
        found.is_some() || std::env::var_os("NEURHAI_ALL_TESTS").is_none(),
        "no Chromium in PATH: install Debian's package chromium"
    );
    found
}

fn open(browser: &Path, place: &Place, further: &[&str]) -> Output {
    let profile = place.path().join("profile");
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--enable-logging=stderr",
        "--disable-component-update",
        "--disable-sync",
        "--disable-default-apps",
        "--disable-dev-shm-usage",
    ];
    let mut command = Command::new(browser);
    command.current_dir(place.path()).args(flags).args(further);
    command.arg(format!("--user-data-dir={}", profile.display()));
    let page = place.path().join("page.html");
    command.arg(format!("file://{}", page.display())).output().unwrap()
}

/// A page that says whether a report fits into a window of 360 points, and the title of its last section.
const PHONE: &str = r#"<!doctype html><iframe src="report.html" style="width:360px;height:900px;border:0"></iframe>
<p></p><script>
document.querySelector("iframe").onload = (event) => {
    const report = event.target.contentDocument;
    const last = [...report.querySelectorAll("section > h2")].pop().textContent;
    const { clientWidth, scrollWidth } = report.documentElement;
    const fits = scrollWidth <= clientWidth ? "fits" : scrollWidth + " wide";
    document.querySelector("p").textContent = fits + ", " + last;
};
</script>"#;

#[test]
fn a_browser_shows_reports_without_an_error_and_asks_for_nothing() {
    let Some(browser) = chromium() else { return };
    let place = made();
    for maps in ["patches", "ages"] {
        page(&place, &["report", maps, "-o", "page.html"], "page.html");
        let output = open(
            &browser,
            &place,
            &[
                "--window-size=390,1200",
                "--screenshot=page.png",
                "--log-net-log=net.json",
                "--blink-settings=preferredColorScheme=0",
            ],
        );
        let text = said(&output);
        assert!(output.status.success(), "{text}");
        assert!(!text.contains("CONSOLE"), "{text}");
        assert!(fs::metadata(place.path().join("page.png")).unwrap().len() > 10_000);
        let net = fs::read_to_string(place.path().join("net.json")).unwrap();
        let asked: Vec<&str> = net
            .split("\"url\":\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            // What the browser asks its maker for is not the page's.
            .filter(|url| url.starts_with("http") && !url.contains("google"))
            .collect();
        assert!(asked.is_empty(), "{asked:?}");
        // On a phone nothing is wider than the screen, and the last section is there.
        fs::rename(place.path().join("page.html"), place.path().join("report.html")).unwrap();
        fs::write(place.path().join("page.html"), PHONE).unwrap();
        let output = open(&browser, &place, &["--allow-file-access-from-files", "--dump-dom"]);
        assert!(said(&output).contains("<p>fits, Configuration"), "{}", said(&output));
    }
}
