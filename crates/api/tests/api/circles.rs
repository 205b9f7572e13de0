//! Checks that the modules of a crate do not import each other in a circle.
//!
//! The test parses the tokens of every source file. An import of an item counts as an import of the
//! module that defines it. A parent may therefore re-export the items of its children.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::layout::{crates, root, sources};

/// The path of a module, or of an item in one: `["session", "rotation"]`.
type Name = Vec<String>;

/// A module that has a file of its own.
#[derive(Default)]
struct Module {
    /// The paths in its code, from the root of the crate.
    names: BTreeSet<Name>,
    /// The items that it re-exports, each with its original path.
    exports: BTreeMap<String, Name>,
}

type Modules = BTreeMap<Name, Module>;

/// Adds the imports of one file to its module.
struct Reader<'a> {
    module: &'a mut Module,
    /// The module of the file.
    file: Name,
    /// The children of the module that have files of their own.
    children: BTreeSet<String>,
}

impl Reader<'_> {
    /// Reads the items of the module of the file, or of an inline module in it.
    fn items(&mut self, tokens: TokenStream, within: &Name) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if is_test_attribute(&tokens[at..]) {
                at = end_of_item(&tokens, at);
            } else if is_word(&tokens[at], "use") {
                let is_public = at > 0 && is_visibility(&tokens[..at]);
                let end = at + tokens[at..].iter().position(|token| is_punct(token, ';')).unwrap_or(1);
                for (path, alias) in self.tree(&tokens[at + 1..end], &Vec::new()) {
                    let Some(path) = self.absolute(&path, within) else { continue };
                    if is_public {
                        self.module.exports.insert(alias, path.clone());
                    }
                    self.module.names.insert(path);
                }
                at = end;
            } else if let Some(path) = path_at(&tokens[at..]) {
                at += path.len() * 3 - 3;
                self.module.names.extend(self.absolute(&path, within));
            } else if let TokenTree::Group(group) = &tokens[at] {
                let mut inner = within.clone();
                let is_module =
                    group.delimiter() == Delimiter::Brace && at > 1 && is_word(&tokens[at - 2], "mod");
                if is_module {
                    inner.push(tokens[at - 1].to_string());
                }
                self.items(group.stream(), &inner);
            }
            at += 1;
        }
    }

    /// Returns the paths of a `use` tree, each with its imported name.
    fn tree(&self, tokens: &[TokenTree], prefix: &Name) -> Vec<(Name, String)> {
        let mut path = prefix.clone();
        let mut alias = None;
        let mut words = tokens.iter().filter(|token| !is_punct(token, ':'));
        while let Some(token) = words.next() {
            match token {
                TokenTree::Group(group) => {
                    let branches: Vec<TokenTree> = group.stream().into_iter().collect();
                    let branches = branches.split(|token| is_punct(token, ','));
                    return branches
                        .filter(|branch| !branch.is_empty())
                        .flat_map(|b| self.tree(b, &path))
                        .collect();
                }
                word if is_word(word, "as") => alias = words.next().map(ToString::to_string),
                word => path.push(word.to_string()),
            }
        }
        let alias = alias.or_else(|| path.last().cloned()).unwrap_or_default();
        vec![(path, alias)]
    }

    /// Returns the path from the root of the crate, or `None` for a path into another crate.
    fn absolute(&self, path: &Name, within: &Name) -> Option<Name> {
        let mut base = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => within.clone(),
            child if self.children.contains(child) && *within == self.file => {
                return Some([within.as_slice(), path.as_slice()].concat());
            }
            _ => return None,
        };
        let mut rest = path.as_slice();
        while let Some(word) = rest.first().filter(|word| ["crate", "self", "super"].contains(&word.as_str()))
        {
            if word == "super" {
                base.pop();
            }
            rest = &rest[1..];
        }
        Some([base.as_slice(), rest].concat())
    }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

/// True if these tokens end with `pub`, `pub(crate)` or the like.
fn is_visibility(tokens: &[TokenTree]) -> bool {
    match tokens {
        [.., pub_word, TokenTree::Group(_)] if is_word(pub_word, "pub") => true,
        [.., last] => is_word(last, "pub"),
        [] => false,
    }
}

/// True if these tokens begin with `#[cfg(test)]`.
fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    match tokens {
        [hash, TokenTree::Group(group), ..] if is_punct(hash, '#') => {
            let text: String = group.stream().to_string().split_whitespace().collect();
            text == "cfg(test)"
        }
        _ => false,
    }
}

/// Returns the index of the last token of the item that begins with this attribute.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let is_end = |token: &TokenTree| {
        is_punct(token, ';')
            || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    at + tokens[at..].iter().position(is_end).unwrap_or(tokens.len() - at - 1)
}

/// Parses a path with at least two segments.
fn path_at(tokens: &[TokenTree]) -> Option<Name> {
    let [TokenTree::Ident(first), rest @ ..] = tokens else { return None };
    let mut path = vec![first.to_string()];
    let mut rest = rest;
    while let [first, second, TokenTree::Ident(segment), more @ ..] = rest {
        if !(is_punct(first, ':') && is_punct(second, ':')) {
            break;
        }
        path.push(segment.to_string());
        rest = more;
    }
    (path.len() > 1).then_some(path)
}

/// Returns the module of a file: `["session", "rotation"]` for `session/rotation.rs`.
fn module_of(folder: &Path, file: &Path) -> Name {
    let path = file.strip_prefix(folder).unwrap().with_extension("");
    let path = path.iter().map(|part| part.to_str().unwrap().to_owned());
    path.filter(|part| !["lib", "main", "mod"].contains(&part.as_str())).collect()
}

fn modules(folder: &Path) -> Modules {
    let is_test = |file: &Path| {
        let module = file.strip_prefix(folder).expect("a file of the folder").with_extension("");
        module.components().any(|part| part.as_os_str() == "tests")
    };
    let files = sources(folder).into_iter().filter(|file| !is_test(file));
    let files: Vec<_> = files.map(|file| (module_of(folder, &file), file)).collect();
    let mut modules = Modules::new();
    for (name, file) in &files {
        let is_child = |(other, _): &&(Name, _)| other.len() == name.len() + 1 && other.starts_with(name);
        let children = files.iter().filter(is_child).filter_map(|(child, _)| child.last().cloned()).collect();
        let module = modules.entry(name.clone()).or_default();
        let tokens = fs::read_to_string(file).unwrap().parse().unwrap();
        Reader { module, file: name.clone(), children }.items(tokens, name);
    }
    modules
}

/// Returns the module that defines the item of this path.
fn definition(modules: &Modules, path: &Name) -> Name {
    let depth = (0..=path.len()).rev().find(|depth| modules.contains_key(&path[..*depth])).unwrap_or(0);
    let module = path[..depth].to_vec();
    let export = path.get(depth).and_then(|item| modules[&module].exports.get(item));
    match export {
        Some(target) if target != path => definition(modules, target),
        _ => module,
    }
}

/// Returns a circle of the graph, if there is one.
fn circle(graph: &BTreeMap<Name, BTreeSet<Name>>) -> Option<Vec<String>> {
    fn visit(
        graph: &BTreeMap<Name, BTreeSet<Name>>,
        node: &Name,
        trail: &mut Vec<Name>,
        done: &mut BTreeSet<Name>,
    ) -> Option<Vec<String>> {
        if let Some(start) = trail.iter().position(|visited| visited == node) {
            return Some(trail[start..].iter().map(|name| name.join("::")).collect());
        }
        if !done.contains(node) {
            trail.push(node.clone());
            let found =
                graph.get(node).into_iter().flatten().find_map(|next| visit(graph, next, trail, done));
            if found.is_some() {
                return found;
            }
            trail.pop();
            done.insert(node.clone());
        }
        None
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|node| visit(graph, node, &mut Vec::new(), &mut done))
}

/// Returns the imports between modules. Modules with the same first `depth` segments count as one.
fn graph(modules: &Modules, depth: usize) -> BTreeMap<Name, BTreeSet<Name>> {
    let cut = |name: &Name| name.iter().take(depth).cloned().collect::<Name>();
    let mut graph: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
    for (name, module) in modules {
        let targets = module.names.iter().map(|path| cut(&definition(modules, path)));
        graph.entry(cut(name)).or_default().extend(targets.filter(|target| *target != cut(name)));
    }
    graph
}

#[test]
fn modules_do_not_import_each_other_in_a_circle() {
    for name in crates() {
        let modules = modules(&root().join("crates").join(&name).join("src"));
        for depth in [1, usize::MAX] {
            assert_eq!(circle(&graph(&modules, depth)), None, "{name}");
        }
    }
}

#[test]
fn graph_has_the_imports_of_the_code() {
    let modules = modules(&root().join("crates/api/src"));
    let graph = graph(&modules, usize::MAX);
    let has = |from: &[&str], to: &[&str]| {
        let owned = |name: &[&str]| name.iter().map(ToString::to_string).collect::<Name>();
        graph[&owned(from)].contains(&owned(to))
    };
    assert!(has(&["routes", "note"], &["endpoint", "response"]), "an import of a re-exported item");
    assert!(has(&["extract", "json"], &["extract", "body"]), "an import of a sibling");
    assert!(has(&["config"], &["config", "sessions"]), "a path to a child without an import");
    assert!(has(&["server"], &["openapi"]) && !has(&["openapi"], &["server"]), "one direction");
    assert!(!has(&["config"], &["config", "tests"]), "no tests");
    assert!(graph.len() > 50, "{}", graph.len());
}
