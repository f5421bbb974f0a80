//! The guides for applications and for tuning are of what there is: the programs that the tests run, and the rules of `pgctl tune`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::root;

/// The code of the examples.
const LANGUAGES: [&str; 4] = ["```python", "```js", "```java", "```go"];

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Each block of code, with the example that was named last above it.
fn excerpts(page: &str) -> Vec<(String, String)> {
    let (mut example, mut found) = (String::new(), Vec::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let mut names = line.split('`').filter(|it| {
            it.starts_with("examples/applications/") && Path::new(it).extension().is_some()
        });
        if let Some(name) = names.next_back() {
            name.clone_into(&mut example);
        }
        if LANGUAGES.contains(&line) {
            let inside = lines.by_ref().take_while(|it| *it != "```");
            let code: String = inside.map(|it| format!("{it}\n")).collect();
            found.push((example.clone(), code));
        }
    }
    found
}

/// Whether it stands there as it is, in whole lines.
fn has(file: &str, excerpt: &str) -> bool {
    format!("\n{file}").contains(&format!("\n{excerpt}"))
}

#[test]
fn the_code_in_the_guide_is_that_of_the_examples() {
    let excerpts = excerpts(&read("docs/connecting.md"));
    let mut examples = BTreeSet::new();
    for (example, code) in &excerpts {
        assert!(has(&read(example), code), "not in {example}:\n{code}");
        examples.insert(example.as_str());
    }
    assert_eq!(examples.len(), 5, "an example is not shown: {examples:?}");
}

#[test]
fn code_that_is_not_that_of_an_example_is_found() {
    let page = "See `examples/applications/a/app.py` and `examples/applications`.\n\n```python\n\
                def a():\n    pass\n```\n\n```sh\nls\n```\n\n`examples/applications/b.go`:\n```go\nb()\n```\n";
    let expected = [
        ("examples/applications/a/app.py", "def a():\n    pass\n"),
        ("examples/applications/b.go", "b()\n"),
    ];
    let found = excerpts(page);
    let found: Vec<_> = found
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(found, expected);
    let file = "import b\ndef a():\n    pass\n";
    assert!(has(file, "def a():\n    pass\n"));
    for other in [
        "def a():\n    pas\n",
        "a():\n    pass\n",
        "def a():\npass\n",
    ] {
        assert!(!has(file, other), "{other}");
    }
}

/// Each has its line in the table of `docs/tuning.md`, and the table has no other.
#[test]
fn every_proposal_of_tune_is_explained() {
    let rules = read("model/src/cluster/tune/rules.rs");
    let names: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| {
            let line = line.trim();
            let rest = line
                .strip_prefix("rule(\"")
                .or_else(|| line.strip_prefix("enough(\""))?;
            rest.split('"').next()
        })
        .collect();
    assert!(names.contains("shared_buffers"), "{names:?}");
    let guide = read("docs/tuning.md");
    let table = guide
        .split_once("| setting | proposal |")
        .map(|(_, rest)| rest)
        .and_then(|rest| rest.split("\n\n").next())
        .expect("the table of proposals");
    let explained: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert_eq!(explained, names);
}
