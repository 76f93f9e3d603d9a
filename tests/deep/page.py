"""mutants.md: what became of the mutants, by file, and why the survivors survive."""
import subprocess

HEAD = """# Changes that no test notices

Each line of code is there for a reason, and a test should know it. So a script changes the source in one
place after another (`<` becomes `<=`, a function returns nothing, a wake is not made) and runs the test
programs of that file. A change that they notice is *killed*, or *timed out* if they hang. What survives is a
property that nobody has written down, or a change that makes no difference, which is then argued below.

```console
$ tests/deep/mutants.py pure --minutes 60         # the pure files, cargo-mutants' list; goes on where it stopped
$ tests/deep/mutants.py deletions                 # wakes, generations, `deregister`, checks under unsafe code
$ tests/deep/mutants.py --only task/state --again # one file, its survivors once more
$ tests/deep/mutants.py --page                    # writes this page
```
The list of mutants is made by `cargo install cargo-mutants`; which files are pure, and which test programs
are theirs, stands in [pure_files.txt](pure_files.txt). How a mutant costs a second instead of a minute:
[switched.py](switched.py). *Not viable* is what does not compile. The score is what was noticed of all viable
mutants but the argued ones.
"""


def argued(here):
    """The arguments, by the key of their mutant: `key => because ...`."""
    lines = (here / "argued.txt").read_text().splitlines()
    pairs = [line.split(" => ", 1) for line in lines if line.strip() and not line.startswith("#")]
    return {key: why for key, why in pairs}


def row(name, mutants, of, arguments):
    """One line of a table: the counts of these mutants."""
    count = {"killed": 0, "timed out": 0, "survived": 0, "unviable": 0, "not run": 0}
    same = 0
    for mutant in mutants:
        result = of(mutant)
        count[result] += 1
        same += result == "survived" and mutant.key in arguments
    caught = count["killed"] + count["timed out"]
    asked = caught + count["survived"] - same
    score = f"{100 * caught / asked:.1f} %" if asked else ""
    left = count["survived"] - same
    cells = [name, count["killed"], count["timed out"], same, left, count["unviable"], count["not run"], score]
    return "| " + " | ".join(str(cell) if cell != 0 else "" for cell in cells) + " |"


def table(mutants, of, arguments):
    lines = ["| file | killed | timed out | argued | survived | not viable | not run | score |",
             "| --- | --: | --: | --: | --: | --: | --: | --: |"]
    files = {}
    for mutant in mutants:
        files.setdefault(mutant.file, []).append(mutant)
    lines += [row(f"`{file}`", of_file, of, arguments) for file, of_file in files.items()]
    return lines + [row("**all**", mutants, of, arguments)]


def survivors(mutants, of, arguments):
    """The argued ones with their argument, then the others."""
    alive = [one for one in mutants if of(one) == "survived"]
    lines = ["", "Survivors that are argued:", ""]
    lines += [f"- `{one.key}`: {arguments[one.key]}" for one in alive if one.key in arguments] or ["- none"]
    left = [f"- `{one.key}`" for one in alive if one.key not in arguments]
    return lines + ((["", "Survivors without an answer so far:", ""] + left) if left else [])


def write(here, root, every, results):
    """Writes the page; 1 if an argument names a mutant that there is not, or that is killed."""
    arguments = argued(here)

    def of(mutant):
        one = results.get(mutant.key)
        return one["result"] if one and one["hash"] == mutant.hash else "not run"

    head = subprocess.run(["git", "log", "-1", "--format=%h of %ad", "--date=short"], cwd=root,
                          capture_output=True, text=True).stdout.strip()
    lines = [HEAD, f"Last run: {head}.", "", "## Pure files", ""]
    lines += table(every["pure"], of, arguments) + survivors(every["pure"], of, arguments)
    lines += ["", "## Deletions", ""]
    lines += table(every["deletions"], of, arguments) + survivors(every["deletions"], of, arguments)
    new = here / "mutants.new"
    new.write_text("\n".join(lines) + "\n")
    new.replace(here / "mutants.md")
    alive = {one.key for mutants in every.values() for one in mutants if of(one) in ("survived", "not run")}
    stale = [key for key in arguments if key not in alive]
    for key in stale:
        print(f"argued.txt: no survivor is called so: {key}")
    return 1 if stale else 0
