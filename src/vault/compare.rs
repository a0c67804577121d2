//! Wanted against source against target: what is to be done, decided by content and by nothing else.

use std::collections::{BTreeMap, HashSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::cache::ContentHash;
use super::collisions::folded;
use super::installed::Installed;
use super::ledger::Reader;
use super::local::Seen;
use super::path::VaultPath;
use super::root::Facts;
use super::side::Side;
use super::wanted::{FileMode, WantedFile, WantedList};

/// Files compared at a time: enough to keep all threads busy, few enough to cost no memory.
const BATCH: usize = 16_384;

/// What is to be done to make the target hold what is wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VaultPlan {
    /// Files to bring, by path.
    pub steps: Vec<Step>,
    /// Files that cannot be as they should.
    pub troubles: Vec<Trouble>,
    /// Files of ours that nobody wants any more, unmodified.
    pub extras: Vec<Extra>,
    /// Files of ours that nobody wants but somebody changed: they stay.
    pub modified_extras: Vec<VaultPath>,
    /// Files of ours that are gone already.
    pub gone: Vec<VaultPath>,
    /// By rule.
    pub totals: Vec<Totals>,
    /// Files that Tithe installed, before.
    pub installed: u64,
    /// What the source holds of the wanted, by ending of the name.
    pub kinds: BTreeMap<Box<str>, KindTotals>,
}

/// Counts of one ending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTotals {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Endings that are counted each by itself; the rest together.
const KINDS_MAX: usize = 32;
/// Of files whose name has no ending.
const NO_KIND: &str = "no ending";

/// A file to bring.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Index in the wanted list.
    pub file: u32,
    /// What stands there now and is to be replaced; it is ours and unmodified.
    pub replaces: Option<Box<Facts>>,
    /// Bytes in the source.
    pub size: u64,
    /// The source's content, where it is known.
    #[serde(skip)]
    pub hash: Option<Box<ContentHash>>,
}

/// A file that cannot be as it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Index in the wanted list.
    pub file: u32,
    /// What about it.
    pub what: TroubleKind,
}

impl Trouble {
    /// What another machine says of it, fit to be shown.
    pub(super) fn make_plain(&mut self) {
        if let TroubleKind::Unreadable(why) | TroubleKind::TargetUnreadable(why) | TroubleKind::OtherDisk(why) =
            &mut self.what
        {
            *why = super::remote::plain(why);
        }
    }
}

/// What keeps a file from being as it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TroubleKind {
    /// A row needs it and the source does not have it.
    Missing,
    /// In the source stands a link or something else than a file.
    SourceIsNoFile,
    /// In the target stands something else than a file.
    TargetIsNoFile,
    /// The target's file differs, and is not ours or was changed since: it stays.
    Conflict,
    /// Reading it failed.
    Unreadable(String),
    /// Reading what stands there in the target failed.
    TargetUnreadable(String),
    /// Its content changed although nothing that tells of a change did.
    Corrupt,
    /// This folder of the target lies on another file system: nothing can be renamed into it.
    OtherDisk(String),
}

impl TroubleKind {
    /// The source does not give the file, for whatever reason.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Missing | Self::SourceIsNoFile | Self::Unreadable(_) | Self::Corrupt)
    }
}

/// A file to remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// Where.
    pub path: VaultPath,
    /// As it was when it was compared.
    pub facts: Facts,
}

/// Counts of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Named by rows.
    pub wanted: u64,
    /// In place already.
    pub kept: u64,
    /// To copy.
    pub copied: u64,
    /// To replace.
    pub replaced: u64,
    /// Bytes to copy and replace.
    pub bytes: u64,
    /// Optional ones that the source does not have.
    pub absent: u64,
    /// In trouble.
    pub troubles: u64,
}

/// What a comparison may do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    /// Files that differ and are not ours are replaced too.
    pub overwrite: bool,
    /// The target's disk takes names that differ in case for one.
    pub folds_case: bool,
}

/// What one file needs.
enum Decision {
    Keep,
    Absent,
    Bring {
        replaces: Option<Facts>,
    },
    Trouble(TroubleKind),
    /// Cannot be told without the content of these.
    Read {
        source: bool,
        target: bool,
    },
}

/// One wanted file with all that is known about it.
struct Case<'a> {
    index: usize,
    file: &'a WantedFile,
    mode: FileMode,
    source: Seen,
    target: Seen,
    installed: Option<Installed>,
}

/// Compares everything. `target` is `None` where there is no such folder yet.
///
/// # Errors
/// Where a record of Tithe's own cannot be read.
pub(crate) fn compare(
    wanted: &WantedList,
    source: &mut Side<'_>,
    mut target: Option<&mut Side<'_>>,
    mut installed: Reader<Installed>,
    rules: Rules,
) -> io::Result<VaultPlan> {
    let mut plan = VaultPlan { totals: vec![Totals::default(); wanted.rules.len()], ..VaultPlan::default() };
    let mut extras: Vec<(VaultPath, Installed)> = Vec::new();
    for (batch, files) in wanted.files.chunks(BATCH).enumerate() {
        let source_paths: Vec<&VaultPath> = files.iter().map(WantedFile::source_path).collect();
        let target_paths: Vec<&VaultPath> = files.iter().map(|file| &file.path).collect();
        let in_source = source.look(&source_paths)?;
        let in_target = match &mut target {
            Some(target) => target.look(&target_paths)?,
            None => vec![Seen::Nothing; files.len()],
        };
        let mut cases = Vec::with_capacity(files.len());
        for (at, ((file, source), target)) in files.iter().zip(in_source).zip(in_target).enumerate() {
            while installed.peek()?.is_some_and(|next| next < &file.path) {
                extras.extend(installed.take()?);
            }
            let installed = installed.find(&file.path)?;
            plan.installed += u64::from(installed.is_some());
            let mode = wanted.rule(file).mode;
            cases.push(Case { index: batch * BATCH + at, file, mode, source, target, installed });
        }
        read_contents(&mut cases, source, target.as_deref_mut(), rules)?;
        cases.iter().for_each(|case| plan.add(case, rules));
    }
    if let Some(target) = &target {
        plan.set_mounts_apart(wanted, target);
    }
    while let Some(extra) = installed.take()? {
        extras.push(extra);
    }
    plan.installed += extras.len() as u64;
    if rules.folds_case {
        let renamed = take_renamed(&mut extras, wanted);
        plan.gone.extend(renamed);
    }
    plan.add_extras(extras, target)?;
    Ok(plan)
}

/// Takes out the extras that a folding disk keeps in one place with a wanted file: only their names are nobody's.
fn take_renamed(extras: &mut Vec<(VaultPath, Installed)>, wanted: &WantedList) -> Vec<VaultPath> {
    let places: HashSet<String> = extras.iter().map(|(path, _)| folded(path.as_str()).into_owned()).collect();
    let wanted = wanted.files.iter().map(|file| folded(file.path.as_str()));
    let held: HashSet<_> = wanted.filter(|place| places.contains(&**place)).collect();
    extras.extract_if(.., |(path, _)| held.contains(&folded(path.as_str()))).map(|(path, _)| path).collect()
}

/// Reads the content of the files whose decision hangs on it: the whole batch at once, on either side.
fn read_contents(
    cases: &mut [Case<'_>],
    source: &mut Side<'_>,
    target: Option<&mut Side<'_>>,
    rules: Rules,
) -> io::Result<()> {
    let mut of_source = Vec::new();
    let mut of_target = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        if let Decision::Read { source, target } = case.decide(rules) {
            of_source.extend(source.then_some(at));
            of_target.extend(target.then_some(at));
        }
    }
    let paths: Vec<&VaultPath> = of_source.iter().map(|at| cases[*at].file.source_path()).collect();
    for (at, hashed) in of_source.iter().zip(source.hash(&paths)?) {
        cases[*at].source = hashed;
    }
    let Some(target) = target else { return Ok(()) };
    let paths: Vec<&VaultPath> = of_target.iter().map(|at| &cases[*at].file.path).collect();
    for (at, hashed) in of_target.iter().zip(target.hash(&paths)?) {
        cases[*at].target = hashed;
    }
    Ok(())
}

impl Case<'_> {
    fn decide(&self, rules: Rules) -> Decision {
        use Decision as D;
        use TroubleKind as T;
        let (source, origin) = match &self.source {
            // What is gone from the source may stay in the target: its row still names it.
            Seen::Nothing if self.file.required => return D::Trouble(T::Missing),
            Seen::Nothing => return D::Absent,
            Seen::Other => return D::Trouble(T::SourceIsNoFile),
            Seen::Unreadable(why) => return D::Trouble(T::Unreadable(why.clone())),
            Seen::Corrupt => return D::Trouble(T::Corrupt),
            Seen::File(facts, hash) => (facts, hash),
        };
        let (target, content) = match &self.target {
            Seen::Nothing => return D::Bring { replaces: None },
            Seen::Other => return D::Trouble(T::TargetIsNoFile),
            Seen::Unreadable(why) => return D::Trouble(T::TargetUnreadable(why.clone())),
            Seen::Corrupt => return D::Trouble(T::Corrupt),
            Seen::File(facts, hash) => (facts, hash),
        };
        let real = self.mode == FileMode::Real;
        let differs = real && source.size != target.size;
        let (Some(content), true) = (content, differs || origin.is_some()) else {
            return D::Read { source: !differs && origin.is_none(), target: content.is_none() };
        };
        let ours = self.installed.filter(|installed| installed.hash == *content);
        let same = if real {
            origin.as_ref() == Some(content)
        } else {
            ours.is_some_and(|ours| Some(ours.origin) == *origin && ours.mode == self.mode)
        };
        match () {
            () if same => D::Keep,
            () if ours.is_some() || rules.overwrite => D::Bring { replaces: Some(*target) },
            () => D::Trouble(T::Conflict),
        }
    }
}

impl VaultPlan {
    fn add(&mut self, case: &Case<'_>, rules: Rules) {
        let totals = &mut self.totals[usize::from(case.file.rule)];
        totals.wanted += 1;
        if let Seen::File(facts, _) = &case.source {
            let kind = Some(case.file.path.extension()).filter(|kind| !kind.is_empty()).unwrap_or(NO_KIND);
            let known = self.kinds.len() < KINDS_MAX || self.kinds.contains_key(kind);
            let counts = self.kinds.entry(if known { kind.into() } else { "other".into() }).or_default();
            counts.files += 1;
            counts.bytes += facts.size;
        }
        let file = case.index as u32;
        match case.decide(rules) {
            Decision::Keep => totals.kept += 1,
            Decision::Absent => totals.absent += 1,
            Decision::Bring { replaces } => {
                let (size, hash) = match &case.source {
                    Seen::File(facts, hash) => (facts.size, hash.map(Box::new)),
                    _ => (0, None),
                };
                *(if replaces.is_some() { &mut totals.replaced } else { &mut totals.copied }) += 1;
                totals.bytes += size;
                self.steps.push(Step { file, replaces: replaces.map(Box::new), size, hash });
            }
            Decision::Trouble(what) => {
                totals.troubles += 1;
                self.troubles.push(Trouble { file, what });
            }
            Decision::Read { .. } => {
                totals.troubles += 1;
                let what = TroubleKind::Unreadable("it went on changing".to_owned());
                self.troubles.push(Trouble { file, what });
            }
        }
    }

    /// What would have to be renamed into another file system cannot be brought.
    fn set_mounts_apart(&mut self, wanted: &WantedList, target: &Side<'_>) {
        let path = |step: &Step| &wanted.files[step.file as usize].path;
        let mounted = target.mounted(&mut self.steps.iter().map(path));
        let mut mounted = mounted.into_iter();
        let (totals, troubles) = (&mut self.totals, &mut self.troubles);
        self.steps.retain(|step| {
            let Some(folder) = mounted.next().flatten() else { return true };
            let of_rule = &mut totals[usize::from(wanted.files[step.file as usize].rule)];
            *(if step.replaces.is_some() { &mut of_rule.replaced } else { &mut of_rule.copied }) -= 1;
            of_rule.bytes -= step.size;
            of_rule.troubles += 1;
            troubles.push(Trouble { file: step.file, what: TroubleKind::OtherDisk(folder) });
            false
        });
    }

    /// Sorts what Tithe installed and nobody wants any more into what may go and what stays.
    fn add_extras(&mut self, extras: Vec<(VaultPath, Installed)>, target: Option<&mut Side<'_>>) -> io::Result<()> {
        let Some(target) = target else {
            self.gone.extend(extras.into_iter().map(|(path, _)| path));
            return Ok(());
        };
        for batch in extras.chunks(BATCH) {
            let paths: Vec<&VaultPath> = batch.iter().map(|(path, _)| path).collect();
            // They lie before or between the wanted files, whose hashes were looked up: theirs are passed over.
            let seen_now = target.look(&paths)?;
            let unknown: Vec<usize> =
                (0..batch.len()).filter(|at| matches!(seen_now[*at], Seen::File(_, None))).collect();
            let paths: Vec<&VaultPath> = unknown.iter().map(|at| &batch[*at].0).collect();
            let mut hashed = unknown.iter().copied().zip(target.hash(&paths)?).peekable();
            for (at, ((path, installed), found)) in batch.iter().zip(seen_now).enumerate() {
                let found = match hashed.next_if(|(hashed_at, _)| *hashed_at == at) {
                    Some((_, hashed)) => hashed,
                    None => found,
                };
                match found {
                    Seen::Nothing => self.gone.push(path.clone()),
                    Seen::File(facts, Some(hash)) if hash == installed.hash => {
                        self.extras.push(Extra { path: path.clone(), facts });
                    }
                    _ => self.modified_extras.push(path.clone()),
                }
            }
        }
        Ok(())
    }

    /// Bytes to bring.
    pub fn bytes(&self) -> u64 {
        self.totals.iter().map(|totals| totals.bytes).sum()
    }

    /// Files that rows name.
    pub fn wanted(&self) -> u64 {
        self.totals.iter().map(|totals| totals.wanted).sum()
    }

    /// Required files that the source does not have.
    pub fn missing(&self) -> u64 {
        self.troubles.iter().filter(|trouble| trouble.what == TroubleKind::Missing).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::installed;
    use super::super::local::Local;
    use super::super::root::Root;
    use super::super::target::Workshop;
    use super::super::wanted::FileRule;
    use super::*;
    use crate::rate::RateLimit;

    /// Two names of one file stand in for a disk that folds case.
    #[test]
    fn a_rename_that_changes_only_case_removes_nothing_where_case_is_folded() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::create_dir_all(from.join("x")).unwrap();
        std::fs::write(from.join("x/a.png"), "picture").unwrap();
        let target = Workshop::open(&to, false).unwrap();
        ["X", "x"].iter().for_each(|name| std::fs::create_dir(to.join(name)).unwrap());
        std::fs::write(to.join("X/A.png"), "picture").unwrap();
        std::fs::hard_link(to.join("X/A.png"), to.join("x/a.png")).unwrap();
        std::fs::write(to.join("old.png"), "picture").unwrap();
        let hash = *blake3::hash(b"picture").as_bytes();
        let record = Installed { hash, origin: hash, mode: FileMode::Real, size: 7 };
        let [earlier, old] = ["X/A.png", "old.png"].map(|path| VaultPath::parse(path).unwrap());
        let records = [(earlier.clone(), Some(record)), (old.clone(), Some(record))];
        installed::update(&target.own, &target.id, &records).unwrap();
        let path = VaultPath::parse("x/a.png").unwrap();
        let files = vec![WantedFile { path, source: None, rule: 0, required: true }];
        let rules = vec![FileRule { name: "pictures".to_owned(), mode: FileMode::Real }];
        let wanted = WantedList::unite(rules, files).unwrap();
        let plan = |folds_case| {
            let rate = RateLimit::new(None);
            let source = Root::open(&from).unwrap();
            let side = |root| Side::Here(Box::new(Local::new(root, None, &rate, false).unwrap().0));
            let (mut source, mut target_side) = (side(&source), side(&target.root));
            let (records, _) = installed::open(&target.own, &target.id).unwrap();
            let rules = Rules { overwrite: false, folds_case };
            compare(&wanted, &mut source, Some(&mut target_side), records, rules).unwrap()
        };
        let names = |plan: &VaultPlan| plan.extras.iter().map(|extra| extra.path.clone()).collect::<Vec<_>>();
        let folding = plan(true);
        assert_eq!((names(&folding), &folding.gone), (vec![old.clone()], &vec![earlier.clone()]));
        assert_eq!((folding.totals[0].kept, folding.installed), (1, 2));
        assert_eq!(names(&plan(false)), [earlier, old]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_mount_point_inside_the_target_is_told_before_anything_is_brought() {
        let dir = tempfile::tempdir().unwrap();
        let file = "proc/tithe/a.png";
        std::fs::create_dir_all(dir.path().join("proc/tithe")).unwrap();
        std::fs::write(dir.path().join(file), "picture").unwrap();
        let files = vec![WantedFile { path: VaultPath::parse(file).unwrap(), source: None, rule: 0, required: true }];
        let rules = vec![FileRule { name: "pictures".to_owned(), mode: FileMode::Real }];
        let wanted = WantedList::unite(rules, files).unwrap();
        let rate = RateLimit::new(None);
        let roots = [Root::open(dir.path()).unwrap(), Root::open(std::path::Path::new("/")).unwrap()];
        let [mut source, mut target] =
            roots.each_ref().map(|root| Side::Here(Box::new(Local::new(root, None, &rate, false).unwrap().0)));
        let plan = compare(&wanted, &mut source, Some(&mut target), Reader::empty(), Rules::default()).unwrap();
        let told = Trouble { file: 0, what: TroubleKind::OtherDisk("proc".to_owned()) };
        assert_eq!((plan.steps.len(), &plan.troubles), (0, &vec![told]));
        assert_eq!((plan.totals[0].copied, plan.totals[0].bytes, plan.totals[0].troubles), (0, 0, 1));
    }
}
