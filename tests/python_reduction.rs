//! What the explorer leaves out makes no difference: random programs have the same outcomes, by as
//! few switches, whether steps that nobody can notice are left out or each is tried.
#![cfg(feature = "python")]

#[path = "common/cases.rs"]
mod cases;

use cases::in_proportion;
use singletrack::gil::Threading;
use singletrack::python::explore::conflicts::Reduction;
use singletrack::python::explore::outcome::Outcome;
use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::search::{Limits, explore};
use singletrack::python::run::single::program;

const POLICIES: [&str; 6] =
    ["python-2", "python-3.2", "python-3.10", "python-3.11", "python-3.13", "free-threaded"];

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % most as u64).unwrap()
    }
}

const STATEMENTS: [&str; 20] = [
    "x += 1",
    "x = y",
    "y = x + int(1)",
    "o.n += 1",
    "o.n = x",
    "l.append(x)",
    "l.append(ME)",
    "y = len(l)",
    "d[x] = ME",
    "a = x",
    "a = 2",
    "if x: y = ME",
    "with A: x += 1",
    "with A: l.append(len(l))",
    "with A:\n        o.n = o.n + int(1)",
    "with A:\n        with B: y += 1",
    "with B:\n        with A: y += 1",
    "with B: x = ME",
    "print(ME)",
    "if A.acquire(False):\n        x = x + int(1)\n        A.release()",
];

/// Two threads of a few statements each.
fn random_program(chance: &mut Chance) -> String {
    let mut text = String::from(
        "import threading\nx = 0; y = 0; a = 0\nclass O: pass\no = O(); o.n = 0\nl = []; d = {}\n\
         A = threading.Lock(); B = threading.Lock()\n",
    );
    for thread in 1..=2 {
        text += &format!("def work{thread}():\n    global x, y\n");
        // In every second program all is under one lock, or nearly.
        let same = chance.below(2) == 0;
        for _ in 0..1 + chance.below(3) {
            let from = if same { 12 } else { 0 };
            let statement = STATEMENTS[from + chance.below(STATEMENTS.len() - from)];
            text += &format!("    {}\n", statement.replace("ME", &thread.to_string()));
        }
    }
    text + "both = [threading.Thread(target=w) for w in (work1, work2)]\n\
            for each in both: each.start()\nfor each in both: each.join()\n"
}

fn outcomes(text: &str, policy: &str, reduction: Reduction) -> Vec<(Outcome, u32, bool)> {
    let program = program(text).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let threading: Threading = policy.parse().unwrap();
    let limits = Limits { reduction, ..Limits::default() };
    let exploration = explore(&program, Looks::Under(threading, false), limits);
    assert_eq!(exploration.bound, None, "{text}");
    let found = exploration.found.into_iter();
    let mut found: Vec<_> = found.map(|f| (f.outcome, f.switches, f.serial)).collect();
    found.sort();
    found
}

#[test]
fn what_is_left_out_makes_no_difference() {
    let mut chance = Chance(7);
    let (mut several, count) = (0, in_proportion(120) as usize);
    for number in 0..count {
        let text = random_program(&mut chance);
        let policy = POLICIES[number % POLICIES.len()];
        let all = outcomes(&text, policy, Reduction::Nothing);
        several += usize::from(all.len() > 1);
        for reduction in [Reduction::Touched, Reduction::Locks] {
            let fewer = outcomes(&text, policy, reduction);
            assert_eq!(fewer, all, "{policy}, {reduction:?}\n{text}");
        }
    }
    assert!(several > count / 3, "{several} programs have more than one outcome");
}

#[test]
fn a_lock_around_it_makes_fewer_worlds() {
    let text = "import threading\nx = 0\nlock = threading.Lock()\ndef work():\n    global x\n    \
                with lock:\n        x += 1\n        x += 1\n        x += 1\n\
                ts = [threading.Thread(target=work) for _ in range(3)]\n\
                for t in ts: t.start()\nfor t in ts: t.join()\nprint(x)\n";
    let program = program(text).unwrap();
    let looks = Looks::Under("python-3.2".parse().unwrap(), false);
    let worlds = |reduction| {
        let limits = Limits { reduction, ..Limits::default() };
        explore(&program, looks, limits).worlds
    };
    let [nothing, touched, locks] =
        [Reduction::Nothing, Reduction::Touched, Reduction::Locks].map(worlds);
    assert!(nothing > touched && touched > locks, "{nothing}, {touched}, {locks}");
}
