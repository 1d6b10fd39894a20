//! The order of the library's rooms, which ARCHITECTURE.md draws: a room imports only from rooms below it, and no
//! module leads back to itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms of `src/`, from the lowest to the highest. The last one is the root of the crate, which names them all.
const ORDER: [&str; 20] = [
    "fault", "clock", "memory", "sync", "active", "full", "space", "barrier", "mark", "trace", "roots", "cycle",
    "context", "pointer", "handles", "kit", "observe", "mutator", "heap", "guide",
];

/// The modules of the crate, and the modules that each imports something from.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// The room that a module is in: the first name of its path.
fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

#[test]
fn imports_lead_down() {
    let mut wrong = Vec::new();
    for (module, imports) in imports(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        if module.is_empty() {
            continue;
        }
        let place = |module: &str| ORDER.iter().position(|name| *name == room(module));
        let Some(own) = place(&module) else {
            wrong.push(format!("{module} is in no room of the order"));
            continue;
        };
        for import in &imports {
            if room(import) != room(&module) && place(import).is_none_or(|place| place > own) {
                wrong.push(format!("{module} imports from {import:?}, which does not lie below it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_module_leads_back_to_itself() {
    let imports = imports(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let circles: Vec<&String> = imports.keys().filter(|module| reaches(&imports, module, module)).collect();
    assert!(circles.is_empty(), "these modules import themselves by way of others: {circles:?}");
}

#[test]
fn upward_imports_and_circles_are_seen() {
    let imports_of = |module: &str, code: &str| {
        let modules = ["", "space", "space::block", "cycle", "cycle::pace"].map(String::from).into();
        imported(module, code, &modules).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(imports_of("space::block", "use crate::cycle::{pace::Pacer, Ended as E};"), ["cycle", "cycle::pace"]);
    assert_eq!(imports_of("cycle::pace", "fn f() { super::super::space::block::new() }"), ["space::block"]);
    assert_eq!(
        imports_of("space", "// use crate::cycle;\n#[cfg(test)]\nmod tests { use crate::cycle::pace; }"),
        [""; 0]
    );
    // An import by a module from the one that it is a part of makes no circle.
    assert_eq!(imports_of("cycle::pace", "use super::Ended;"), [""; 0]);
    let circle = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")];
    let circle: Imports = circle.map(|(from, to)| (from.into(), [to.into()].into())).into();
    assert!(reaches(&circle, "a", "a") && reaches(&circle, "d", "a") && !reaches(&circle, "d", "d"));
}

/// Returns whether something that `from` imports is `to`, or leads there.
fn reaches(imports: &Imports, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = vec![from];
    while let Some(module) = left.pop() {
        for import in imports.get(module).into_iter().flatten().filter(|import| !import.is_empty()) {
            if import == to {
                return true;
            }
            if seen.insert(import) {
                left.push(import);
            }
        }
    }
    false
}

fn imports(src: &Path) -> Imports {
    let mut files = BTreeMap::new();
    collect(src, src, &mut files);
    let modules: BTreeSet<String> = files.keys().cloned().collect();
    files.iter().map(|(module, code)| (module.clone(), imported(module, code, &modules))).collect()
}

/// Adds each file below `dir` by the path of its module; those of tests are left out.
fn collect(src: &Path, dir: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(src, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = path.strip_prefix(src).unwrap().with_extension("");
            let names: Vec<&str> = module.iter().map(|name| name.to_str().unwrap()).collect();
            let names = names.strip_suffix(&["mod"]).unwrap_or(&names);
            let module = if names == ["lib"] { String::new() } else { names.join("::") };
            if !["tests", "loom"].contains(names.last().unwrap_or(&"")) {
                files.insert(module, fs::read_to_string(&path).unwrap());
            }
        }
    }
}

/// Returns the modules that the code of `module` names, but for those that it is a part of.
fn imported(module: &str, code: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let code: String = code.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let code = without_tests(&code);
    let mut paths = Vec::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("use ").filter(|_| rest.contains(';')) {
        let is_word = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        rest = &rest[at + 4..];
        if is_word && let Some(end) = rest.find(';') {
            expand("", &rest[..end], &mut paths);
        }
    }
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                let path = code[at..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
                paths.push(path.into_iter().next().unwrap_or("").trim_end_matches(':').to_string());
            }
        }
    }
    let is_part_of = |whole: &str| whole.is_empty() || module == whole || module.starts_with(&format!("{whole}::"));
    let found = paths.iter().filter_map(|path| resolve(module, path, modules));
    // The root of the crate names all others, so an import from it could reach any module.
    found
        .filter(|(import, whole)| !is_part_of(import) || import.is_empty() && !whole)
        .map(|(import, _)| import)
        .collect()
}

/// Returns the code without the modules and functions that are for tests.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|cfg| rest.find(cfg)).min() {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(['{', ';']).map_or(rest.len(), |end| {
            if rest[end..].starts_with(';') {
                return end + 1;
            }
            let mut depth = 0;
            let closes = rest[end..].char_indices().find(|(_, c)| {
                depth += i32::from(*c == '{') - i32::from(*c == '}');
                depth == 0
            });
            closes.map_or(rest.len(), |(at, _)| end + at + 1)
        });
        rest = &rest[end..];
    }
    kept + rest
}

/// Adds the paths of a use tree.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    if let Some((before, inner)) = tree.split_once('{') {
        let prefix = format!("{prefix}{}", before.trim());
        let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
        let mut depth = 0;
        let parts = inner.split(|c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        parts.filter(|part| !part.trim().is_empty()).for_each(|part| expand(&prefix, part, paths));
    } else {
        paths.push(format!("{prefix}{}", tree.split(" as ").next().unwrap_or(tree).trim()));
    }
}

/// Returns the module that a path leads into, and whether the path names that module and nothing in it. `None`: the
/// path is not of this crate.
fn resolve(module: &str, path: &str, modules: &BTreeSet<String>) -> Option<(String, bool)> {
    let mut names = path.split("::").peekable();
    let mut place: Vec<&str> = match names.next()? {
        "crate" => Vec::new(),
        "self" => module.split("::").collect(),
        "super" => {
            let mut place: Vec<&str> = module.split("::").collect();
            place.pop();
            while names.next_if_eq(&"super").is_some() {
                place.pop();
            }
            place
        }
        _ => return None,
    };
    let starts_at_root = place.is_empty();
    for name in names.by_ref() {
        place.push(name);
        if !modules.contains(&place.join("::")) {
            place.pop();
            return Some((place.join("::"), !starts_at_root || !place.is_empty()));
        }
    }
    Some((place.join("::"), true))
}
