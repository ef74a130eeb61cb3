//! Tree: all modules of the workspace, and the module to which a path leads.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use super::module::{Import, Module};
use super::tokens::tokens;

/// The place of a module: its crate, and the names of the modules that lead to it.
pub(super) type Place = Vec<String>;

/// All modules by place, each with its file.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<Place, Node>);

#[derive(Debug)]
struct Node {
    file: String,
    module: Module,
}

/// An import between two files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    /// The module that defines the imported item.
    pub(super) place: Place,
}

impl Tree {
    /// Adds a crate with its root file. `read` returns the source of a file, or `None` if there is
    /// no such file.
    pub(super) fn add(&mut self, name: &str, root: &str, read: &impl Fn(&str) -> Option<String>) {
        let source = read(root).unwrap_or_else(|| panic!("there is no file {root}"));
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.add_module(vec![name.into()], root, folder, Module::of(&tokens(&source)), read);
    }

    /// Adds a module, and its submodules, whose files are in `folder`.
    fn add_module(
        &mut self,
        place: Place,
        file: &str,
        folder: &str,
        mut module: Module,
        read: &impl Fn(&str) -> Option<String>,
    ) {
        for child in &module.children {
            let inner = format!("{folder}/{child}");
            let files = [format!("{inner}.rs"), format!("{inner}/mod.rs")];
            let found = files.iter().find_map(|file| Some((file, read(file)?)));
            let (file, source) =
                found.unwrap_or_else(|| panic!("there is no file for the module {inner}"));
            let place = [&place[..], slice::from_ref(child)].concat();
            self.add_module(place, file, &inner, Module::of(&tokens(&source)), read);
        }
        for (name, block) in std::mem::take(&mut module.blocks) {
            let place = [&place[..], slice::from_ref(&name)].concat();
            self.add_module(place, file, &format!("{folder}/{name}"), block, read);
            module.children.push(name);
        }
        self.0.insert(place, Node { file: file.into(), module });
    }

    /// All imports between files, those between crates included.
    pub(super) fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (place, node) in &self.0 {
            let imports =
                node.module.imports.iter().filter(|import| !self.is_reexport(place, import));
            let paths = imports.map(|import| &import.path).chain(&node.module.paths);
            for path in paths {
                let Some(target) = self.find(place, path, 0) else { continue };
                let to = &self.0[&target].file;
                if *to != node.file && !self.is_parent(&target, place) {
                    edges.insert(Edge { from: node.file.clone(), to: to.clone(), place: target });
                }
            }
        }
        edges
    }

    /// Whether an import only re-exports an item of a submodule: it is public, and the module does
    /// not use it itself.
    fn is_reexport(&self, place: &Place, import: &Import) -> bool {
        let target = self.find(place, &import.path, 0);
        let is_part = target.is_some_and(|target| target.starts_with(place));
        import.is_public && is_part && !self.0[place].module.words.contains(&import.name)
    }

    /// Whether the module at `place` counts as a part of `target`: `target` is the root of its
    /// crate, or defines a type to which the module adds methods.
    fn is_parent(&self, target: &Place, place: &Place) -> bool {
        let mut extended = self.0[place].module.extended.iter();
        let is_of_target = |name: &String| {
            self.find(place, slice::from_ref(name), 0).is_some_and(|found| found == *target)
        };
        place.starts_with(target) && (target.len() == 1 || extended.any(is_of_target))
    }

    /// The module that defines the item to which `path` leads from `place`; `None` if it is not in
    /// the workspace.
    fn find(&self, place: &Place, path: &[String], depth: usize) -> Option<Place> {
        assert!(depth < 100, "the imports of {path:?} in {place:?} lead to themselves");
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(place[..1].to_vec(), rest, depth),
            "self" => self.descend(place.clone(), rest, depth),
            "super" => {
                let parent = place[..place.len().checked_sub(1)?].to_vec();
                let is_further = rest.first().is_some_and(|next| next == "super");
                if is_further {
                    self.find(&parent, rest, depth)
                } else {
                    self.descend(parent, rest, depth)
                }
            }
            name if self.declares(place, name) => self.descend(place.clone(), path, depth),
            name => {
                let root = vec![name.to_owned()];
                self.0.contains_key(&root).then(|| self.descend(root, rest, depth))?
            }
        }
    }

    /// Whether a module has a submodule or an import of this name.
    fn declares(&self, place: &Place, name: &str) -> bool {
        let Some(Node { module, .. }) = self.0.get(place) else { return false };
        module.children.iter().any(|child| child == name)
            || module.imports.iter().any(|import| import.name == name && import.path[0] != name)
    }

    fn descend(&self, place: Place, path: &[String], depth: usize) -> Option<Place> {
        let Some((name, rest)) = path.split_first() else { return Some(place) };
        let module = &self.0.get(&place)?.module;
        let mut imports = module.imports.iter();
        let import = imports.find(|import| import.name == *name && import.path != [name.as_str()]);
        let is_child = module.children.iter().any(|child| child == name);
        if is_child && (import.is_none() || !rest.is_empty()) {
            return self.descend([&place[..], slice::from_ref(name)].concat(), rest, depth);
        }
        if let Some(import) = import {
            let whole = [&import.path[..], rest].concat();
            return self.find(&place, &whole, depth + 1);
        }
        if module.items.contains(name) {
            return Some(place);
        }
        let globs = module.imports.iter().filter(|import| import.name == "*");
        let mut found = globs.filter_map(|glob| self.find(&place, &glob.path, depth + 1));
        let container = found.find(|found| *found != place && self.contains(found, name));
        match container {
            Some(container) => self.descend(container, path, depth + 1),
            None => Some(place),
        }
    }

    fn contains(&self, place: &Place, name: &str) -> bool {
        self.declares(place, name) || self.0[place].module.items.contains(name)
    }
}
