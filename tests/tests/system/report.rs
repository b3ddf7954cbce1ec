//! `host report`, and `host compare` of several experiments: pages that hold everything and need nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::{Place, host, may_be_left_out, said};

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
        let style = if name == "style" { rest.split("</style>").next().unwrap() } else { "" };
        for outside in ["http:", "https:", "url(", "@import"] {
            assert!(!tag.contains(outside) && !style.contains(outside), "{outside} in {tag:.100}");
        }
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

/// Pictures that interpret drew and tables of each cohort are in the page.
#[test]
fn a_report_shows_attribution_maps_and_each_cohort() {
    let place = Place::new();
    let output = place.run(
        r#"
        let heads = phantoms("heads", #{ cohorts: ["north", "south"], participants_per_class: 6, test_per_class: 2,
                                         n_splits: 2, image_size: [20, 22, 18] });
        architecture("Tiny", #{}, |p| [ conv(4, 3, #{ padding: 1 }), relu(), max_pool(2), flatten(), linear(p.outputs) ]);
        train(#{ data: caps(heads.caps), splits: heads.splits, split: [0], architecture: "Tiny", epochs: 1,
                 batch_size: 4, learning_rate: 1e-3, selection_metrics: ["loss"], device: "cpu", output: "maps" });
        "#,
    );
    assert!(output.status.success(), "{}", said(&output));
    let words = ["interpret", "maps", "validation", "seen", "gradients"];
    let output = host(place.path()).args(words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let page = page(&place, &["report", "maps"], "maps/report.html");
    check_structure(&page);
    let drawn = "maps/split-0/best-loss/validation/interpret-seen/pictures/mean.png";
    let picture = fs::read(place.path().join(drawn)).unwrap();
    assert!(page.contains(&format!("data:image/png;base64,{}", base64(&picture))));
    // Two of each class in each cohort.
    for cohort in ["north", "south"] {
        let row = format!("<tr><td>{cohort}</td><td>4</td>");
        assert!(page.contains(&row), "{row:?} is not in the page");
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let whole = (0..3).fold(0, |sum, i| sum << 8 | usize::from(*three.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let digit = DIGITS[whole >> (18 - 6 * i) & 63] as char;
            text.push(if i > three.len() { '=' } else { digit });
        }
    }
    text
}

/// Chromium, where there is one; where all tests are to run, there must be.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut all =
        std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = all.find(|file| file.is_file());
    if found.is_none() {
        may_be_left_out("no Chromium in PATH: install Debian's package chromium");
    }
    found
}

/// Opens page.html; what hangs is ended after two minutes.
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
        "--hide-scrollbars",
        // Nothing leaves this machine.
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ];
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "120"]).arg(browser);
    command.current_dir(place.path()).args(flags).args(further);
    command.arg(format!("--user-data-dir={}", profile.display()));
    let page = place.path().join("page.html");
    command.arg(format!("file://{}", page.display())).output().unwrap()
}

/// What page.html asks the network for, by the browser's own log, and what the browser said. What the browser itself asks its maker
/// for has no origin.
#[track_caller]
fn asked(browser: &Path, place: &Place, further: &[&str]) -> (Vec<String>, String) {
    let output = open(browser, place, &[&["--log-net-log=net.json"][..], further].concat());
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    let net = fs::read_to_string(place.path().join("net.json")).unwrap();
    let by_page = |line: &&str| {
        line.contains("\"initiator\":") && !line.contains("\"initiator\":\"not an origin\"")
    };
    let urls = net.lines().filter(by_page).filter_map(|line| line.split("\"url\":\"").nth(1));
    let urls =
        urls.filter_map(|rest| rest.split('"').next()).filter(|url| !url.starts_with("file:"));
    (urls.filter(|url| !url.starts_with("data:")).map(str::to_owned).collect(), text)
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
fn a_browser_shows_all_pages_without_an_error_and_asks_for_nothing() {
    let Some(browser) = chromium() else { return };
    let place = made();
    let write = |text: &str| fs::write(place.path().join("page.html"), text).unwrap();
    // What a page asks for is noticed.
    let outside = ["http://127.0.0.1:1/x", "https://www.google.com/y"];
    write(&outside.map(|url| format!("<!doctype html><img src=\"{url}\">")).concat());
    let (found, _) = asked(&browser, &place, &["--dump-dom"]);
    assert!(outside.iter().all(|url| found.contains(&(*url).to_owned())), "{found:?}");

    place.script("TRAIN");
    for (words, file, last) in [
        ("report patches -o page.html", "page.html", "Configuration"),
        ("report ages -o page.html", "page.html", "Configuration"),
        ("compare patches images --html page.html", "page.html", "Options that differ"),
        (
            "search script.rhai --set epochs=1 --trials 3 --vary learning_rate=exponent(2,4) --output a",
            "a/report.html",
            "What was done",
        ),
        (
            "learning-curve script.rhai --set epochs=1 --fractions 0.5,1 --repeats 2 --output b",
            "b/report.html",
            "What was done",
        ),
    ] {
        let output = host(place.path()).args(words.split(' ')).output().unwrap();
        // Two experiments that are compared differ.
        let differ = words.starts_with("compare") && output.status.code() == Some(1);
        assert!(output.status.success() || differ, "{words}: {}", said(&output));
        let report = fs::read_to_string(place.path().join(file)).unwrap();
        check_structure(&report);
        write(&report);
        let [dark, light] = ["0", "1"].map(|scheme| {
            let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
            let window = ["--window-size=390,1200", "--screenshot=page.png", &scheme];
            let (found, text) = asked(&browser, &place, &window);
            assert!(found.is_empty() && !text.contains("CONSOLE"), "{words}: {found:?}\n{text}");
            fs::read(place.path().join("page.png")).unwrap()
        });
        assert!(dark.len() > 10_000 && light.len() > 10_000 && dark != light, "{words}");
        // On a phone nothing is wider than the screen, and the last section is there.
        fs::write(place.path().join("report.html"), report).unwrap();
        write(PHONE);
        let output = open(&browser, &place, &["--allow-file-access-from-files", "--dump-dom"]);
        let shown = format!("<p>fits, {last}");
        assert!(said(&output).contains(&shown), "{words}: {}", said(&output));
    }
}
