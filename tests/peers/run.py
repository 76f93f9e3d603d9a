#!/usr/bin/env python3
"""Other projects' own test suites, and their tools, against this loop.

    tests/peers/run.py            what has not been run yet, on this version of the sources
    tests/peers/run.py --again    everything
    tests/peers/run.py --quick    what .ci/run runs: curl, and the first hundred cases of Autobahn
    tests/peers/run.py async-lock tokio-postgres       only these

Each suite's last counts are in README.md beside this file; they are printed beside the new ones, and
fewer passed, or more failed, than there is a failure of this script (exit 1). Sources come by cargo, from
the registry: what a crate publishes with its tests. Everything is made in target/peers.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "peers"
REAL = ROOT / "examples" / "real"

# A crate, its version, the crate in whose place our `block_on` is put, and cargo's arguments.
SUITES = {
    "futures": ("0.3.34", "futures-executor 0.3.34", ["--all-features"]),
    "async-channel": ("2.5.0", "futures-lite 2.6.1", []),
    "async-lock": ("3.5.0", "futures-lite 2.6.1", []),
    "async-broadcast": ("0.7.2", "futures-lite 1.13.0", []),
    "event-listener": ("5.4.2", "futures-lite 2.6.1", []),
}
TOKIO_POSTGRES = "0.7.18"

# hyper's integration tests, and the tokio in whose place our crate of that name is put.
HYPER_TESTS = ["client", "server", "integration", "h1_flush_before_yield",
               "h1_shutdown_while_buffered", "ready_on_poll_stream", "unbuffered_stream"]
TOKIO = "1.54.1"

# Autobahn's cases without compression, which tungstenite does not have; and the first hundred.
CASES = [f"{group}.*" for group in range(1, 11)]
FIRST_HUNDRED = [f"{group}.*" for group in range(1, 6)] + [f"6.{group}.*" for group in range(1, 14)]


class Skipped(Exception):
    """What a suite needs is not here: a tool, or the network."""


class Broken(Exception):
    """Ours does not build, does not start or does not come to its end."""


def run(command, **options):
    options.setdefault("timeout", 1800)
    return subprocess.run([str(word) for word in command], text=True, capture_output=True, **options)


def need(command, otherwise=Skipped, **options):
    done = run(command, **options)
    if done.returncode:
        raise otherwise(f"`{' '.join(map(str, command))}`: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def program(name):
    folders = os.environ["PATH"].split(":") + sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))
    found = shutil.which(name, path=":".join(folders))
    if not found:
        raise Skipped(f"{name} is not installed")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connects(port, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


class Process:
    """A program that runs as long as the block, and listens on a port."""

    def __init__(self, command, port, otherwise=Skipped, **options):
        self.command, self.port, self.options = list(map(str, command)), port, options
        self.otherwise = otherwise

    def __enter__(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
        self.process = subprocess.Popen(self.command, **{**quiet, **self.options})
        if not connects(self.port):
            self.__exit__()
            raise self.otherwise(f"`{self.command[0]}` does not listen on port {self.port}")
        return self.process

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def example(name, *arguments):
    """An example of `examples/real`, built, on a port."""
    target = Path(os.environ.get("PEERS_REAL_TARGET", WORK / "real")).resolve()
    build = ["cargo", "build", "--manifest-path", REAL / "Cargo.toml", "--target-dir", target, "--bin", name]
    need(build, Broken)
    port = free_port()
    return Process([target / "debug" / name, "--port", port, *arguments], port, Broken), port


# ---- hyper, by curl ----------------------------------------------------------------------------


def hyper_by_curl():
    program("curl")
    passed, failed, left_out = 0, [], 0
    for name in ["plain", "axum"]:
        server, port = example("http_hyper", *([] if name == "plain" else ["--axum"]))
        with server:
            for what, right in curl_checks(port):
                if right is None:
                    left_out += 1
                    print(f"SKIPPED: hyper by curl: {name}: {what}: there is no such tool", flush=True)
                else:
                    passed += right
                    failed += [] if right else [f"{name}: {what}"]
    return passed, failed, left_out


def curl_checks(port):
    base = f"http://127.0.0.1:{port}"
    big = WORK / "big"
    big.write_bytes(bytes(range(256)) * 2048)

    def curl(*arguments):
        form = "\n%{http_code} %{http_version} %{num_connects}"
        done = subprocess.run(["curl", "-sS", "-m", "20", "-w", form, *arguments], capture_output=True)
        body, _, status = done.stdout.rpartition(b"\n")
        return body, status.decode(), done.stderr.decode()

    def echoes(*arguments):
        return curl(*arguments, f"{base}/echo")[0]

    for version in [["--http1.1"], ["--http2-prior-knowledge"]]:
        text = version[0]
        body, status, _ = curl(*version, f"{base}/")
        yield f"{text} a page", (body, status[:3]) == (b"Hello, World!", "200")
        yield f"{text} no page", curl(*version, f"{base}/none")[1].startswith("404")
        yield f"{text} a wrong method", curl(*version, "-X", "PUT", f"{base}/")[1].startswith("405")
        yield f"{text} a small body", echoes(*version, "-d", "hello") == b"hello"
        yield f"{text} no body", echoes(*version, "-d", "") == b""
        yield f"{text} half a megabyte", echoes(*version, "--data-binary", f"@{big}") == big.read_bytes()
        more = curl(*version, "--data-binary", "x" * 100_000, *(["-d", "y" * 100_000] * 10), f"{base}/echo")
        yield f"{text} too much", more[1].startswith("413")
        two = curl(*version, f"{base}/", f"{base}/metrics")[1]
        yield f"{text} the second request needs no new connection", two.endswith(" 0")
        yield f"{text} the metrics count threads", b"process_threads 1\n" in curl(*version, f"{base}/metrics")[0]
    version = curl("--http2-prior-knowledge", f"{base}/")[1].split()[1]
    yield "it was HTTP/2", version == "2"
    yield "HTTP/1.0", curl("--http1.0", f"{base}/")[0] == b"Hello, World!"
    chunked = echoes("-H", "Transfer-Encoding: chunked", "--data-binary", f"@{big}")
    yield "a chunked upload", chunked == big.read_bytes()
    expects = curl("-v", "-H", "Expect: 100-continue", "--data-binary", f"@{big}", f"{base}/echo")
    yield "Expect: 100-continue is answered", "100 Continue" in expects[2] and expects[0] == big.read_bytes()
    many = curl("-Z", *[f"{base}/"] * 100)[0]
    yield "100 requests at once", many.count(b"Hello, World!") == 100
    pipelined = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50
    yield "50 requests in one packet", raw(port, [pipelined], 50 * len(b"Hello")).count(b"Hello") == 50
    pieces = [bytes([byte]) for byte in b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]
    yield "a head byte by byte", b"Hello, World!" in raw(port, pieces)
    # hyper's server for both versions hangs up in these two cases, under tokio as here.
    yield "garbage ends the connection", raw(port, [b"\0\1\2 garbage\r\n\r\n"]) == b""
    yield "so does a head without end", b"200" not in raw(port, [b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200_000])
    began = time.monotonic()
    slow = raw(port, [b"GET / HTTP/1.1\r\nHost: x\r\n"], seconds=30)
    yield "half a head is waited for ten seconds", 8 < time.monotonic() - began < 28 and b"200" not in slow
    yield "and the server lives", curl(f"{base}/")[0] == b"Hello, World!"
    load = shutil.which("h2load")
    out = run([load, "-n", 5000, "-c", 10, "-m", 10, f"{base}/"]).stdout if load else None
    yield "5,000 requests of h2load", load and "5000 succeeded, 0 failed, 0 errored" in out


def raw(port, pieces, least=1 << 30, seconds=15):
    """What a server says to these pieces until it hangs up, or has said enough."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as stream:
        try:
            for piece in pieces:
                stream.sendall(piece)
                if len(piece) == 1:
                    time.sleep(0.002)
            while len(said) < least and (some := stream.recv(65536)):
                said += some
        except OSError:
            pass
    return said


# ---- Autobahn ----------------------------------------------------------------------------------


def autobahn():
    """The suite's command. It is Python 2's, and gets an environment of its own."""
    wstest = WORK / "autobahn" / "bin" / "wstest"
    if wstest.exists():
        return wstest
    pyenv = Path.home() / ".pyenv" / "versions"
    pythons = [*sorted(pyenv.glob("2.7*/bin/python2.7")), shutil.which("python2.7")]
    # One that runs: pyenv's own `python2.7` may stand for none.
    python = next((python for python in pythons if python and not run([python, "-V"]).returncode), None)
    if not python:
        raise Skipped("Autobahn needs Python 2.7: pyenv install 2.7.18")
    library = WORK / "virtualenv"
    need([python, "-m", "pip", "install", "-q", "--target", library, "virtualenv==20.15.1"])
    environment = {**os.environ, "PYTHONPATH": str(library)}
    need([python, "-m", "virtualenv", "-q", WORK / "autobahn"], env=environment)
    need([WORK / "autobahn" / "bin" / "pip", "install", "-q", "autobahntestsuite==25.10.1"])
    return wstest


def autobahn_against_our_server(cases=CASES):
    wstest = autobahn()
    server, port = example("autobahn")
    reports = WORK / "reports" / "server"
    shutil.rmtree(reports, ignore_errors=True)
    servers = [{"agent": "singletrack", "url": f"ws://127.0.0.1:{port}"}]
    spec = {"outdir": str(reports), "servers": servers, "cases": cases}
    (WORK / "fuzzingclient.json").write_text(json.dumps({**spec, "exclude-cases": [], "exclude-agent-cases": {}}))
    with server:
        need([wstest, "-m", "fuzzingclient", "-s", WORK / "fuzzingclient.json"], Broken, cwd=WORK)
    return autobahn_counts(reports)


def autobahn_against_our_client():
    wstest = autobahn()
    reports, port = WORK / "reports" / "client", free_port()
    shutil.rmtree(reports, ignore_errors=True)
    spec = {"url": f"ws://127.0.0.1:{port}", "outdir": str(reports), "cases": CASES}
    (WORK / "fuzzingserver.json").write_text(json.dumps({**spec, "exclude-cases": [], "exclude-agent-cases": {}}))
    client = example("autobahn")[0].command[0]
    command = [wstest, "-m", "fuzzingserver", "-w", 0, "-s", WORK / "fuzzingserver.json"]
    with Process(command, port, cwd=WORK):
        need([client, "--client", "--port", port], Broken)
    return autobahn_counts(reports)


def autobahn_counts(reports):
    results = json.loads((reports / "index.json").read_text())["singletrack"]
    fine = {"OK", "INFORMATIONAL", "NON-STRICT"}
    bad = [f"{case}: {result['behavior']}, at the close {result['behaviorClose']}"
           for case, result in results.items()
           if result["behavior"] not in fine or result["behaviorClose"] not in fine]
    return len(results) - len(bad), bad


# ---- suites that crates publish ----------------------------------------------------------------


def source(name, version):
    """A crate's published source, from cargo's own store."""
    folder = WORK / "fetch" / f"{name}-{version}"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "lib.rs").write_text("")
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "fetches"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n'
        f'[dependencies]\n{name} = {{ version = "={version}", default-features = false }}\n')
    metadata = json.loads(need(["cargo", "metadata", "--format-version", 1], cwd=folder))
    manifest = next(package["manifest_path"] for package in metadata["packages"]
                    if (package["name"], package["version"]) == (name, version))
    copy = WORK / "sources" / f"{name}-{version}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(Path(manifest).parent, copy)
    for left in ["Cargo.lock", ".cargo-ok"]:
        (copy / left).unlink(missing_ok=True)
    return copy


def stand_in(name, version):
    """Our crate of that name, around the real one."""
    real = source(name, version)
    manifest = real / "Cargo.toml"
    manifest.write_text(manifest.read_text().replace(f'name = "{name}"', f'name = "{name}-real"', 1))
    glue = WORK / "glue" / f"{name}-{version}"
    shutil.rmtree(glue, ignore_errors=True)
    shutil.copytree(HERE / "glue" / name, glue)
    text = (glue / "Cargo.toml").read_text()
    for word, value in [("@VERSION@", version), ("@REAL@", real), ("@SINGLETRACK@", ROOT)]:
        text = text.replace(word, str(value))
    (glue / "Cargo.toml").write_text(text)
    return glue


def suite(name):
    version, replaced, arguments = SUITES[name]
    folder = source(name, version)
    glue = stand_in(*replaced.split())
    with (folder / "Cargo.toml").open("a") as manifest:
        if name == "futures":  # its manifest is published without this one
            manifest.write(f'\n[dev-dependencies.futures-test]\nversion = "{version}"\n')
        manifest.write(f'\n[workspace]\n[patch.crates-io]\n{replaced.split()[0]} = {{ path = "{glue}" }}\n')
    return cargo_test(folder, ["--tests", *arguments])


def hyper():
    """hyper's own suite is not published: HYPER_SOURCE names a checkout of its repository."""
    if not (checkout := os.environ.get("HYPER_SOURCE")):
        raise Skipped("hyper publishes no tests; HYPER_SOURCE=FOLDER names a checkout of its repository")
    folder = WORK / "sources" / "hyper"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "-C", checkout, "archive", "HEAD"], capture_output=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    glue = stand_in("tokio", TOKIO)
    with (folder / "Cargo.toml").open("a") as manifest:
        manifest.write(f'\n[workspace]\n[patch.crates-io]\ntokio = {{ path = "{glue}" }}\n')
    tests = [word for name in HYPER_TESTS for word in ("--test", name)]
    return cargo_test(folder, ["--features", "full", *tests])


def cargo_test(folder, arguments):
    command = ["cargo", "test", "--no-fail-fast", "--target-dir", WORK / "suites", *arguments]
    done = run(command, cwd=folder, env={**os.environ, "RUSTFLAGS": "--cap-lints warn"})
    text = done.stdout + done.stderr
    counts = re.findall(r"^test result: .* (\d+) passed; (\d+) failed", text, re.M)
    failed = sorted(set(re.findall(r"^test (\S+)(?: - should panic)? \.\.\. FAILED", text, re.M)))
    if not counts or (done.returncode and not failed):
        (WORK / "log").write_text(text)
        fetched = not re.search(r"failed to (get|download|fetch|load source)|no matching package", text)
        raise (Broken if fetched else Skipped)(f"it does not come to its end: {WORK / 'log'}")
    return sum(int(good) for good, _ in counts), failed


def tokio_postgres():
    folder = source("tokio-postgres", TOKIO_POSTGRES)
    tests = folder / "tests" / "test"
    main = tests / "main.rs"
    shutil.copy(HERE / "glue" / "on_loop.rs", tests / "on_loop.rs")
    for file in [main, tests / "binary_copy.rs", *(tests / "types").glob("*.rs")]:
        text = file.read_text()
        text = re.sub(r"#\[tokio::test\]\n((?:#\[[^\n]*\]\n)*)async fn (\w+)\(\) \{\n(.*?)\n\}\n",
                      r"#[test]\n\1fn \2() {\n    crate::on_loop::run(async {\n\3\n    })\n}\n", text, flags=re.S)
        text = re.sub(r"\btokio::", "crate::on_loop::", text)
        text = text.replace('connect("127.0.0.1:5433")', 'connect("127.0.0.1:5433".parse().unwrap())')
        file.write_text(text)
    main.write_text(main.read_text().replace("mod parse;", "mod on_loop;\nmod parse;", 1))
    with (folder / "Cargo.toml").open("a") as manifest:
        manifest.write("\n[workspace]\n[dev-dependencies.singletrack]\n"
                       f'path = "{ROOT}"\ndefault-features = false\nfeatures = ["tokio-io"]\n')
    with postgres_5433():
        return cargo_test(folder, ["--no-default-features", "--test", "test"])


def postgres_5433():
    """A server as that suite wants it: its port, its users, its extensions."""
    initdb, postgres, psql = program("initdb"), program("postgres"), program("psql")
    folder = WORK / "postgres"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    nobody = {"user": 65534, "group": 65534, "cwd": "/"} if os.geteuid() == 0 else {}
    if nobody:
        folder = Path("/tmp") / f"peers-postgres-{os.getpid()}"
        folder.mkdir()
        os.chown(folder, 65534, 65534)
    data = folder / "data"
    need([initdb, "-D", data, "-A", "trust", "-U", "postgres", "-N"], **nobody)
    users = "".join(f"host all {user}_user {net} {method}\n" for net in ["0.0.0.0/0", "::0/0"]
                    for user, method in [("pass", "password"), ("md5", "md5"), ("scram", "scram-sha-256")])
    (data / "pg_hba.conf").write_text(users + "host all postgres 127.0.0.1/32 trust\nhost all postgres ::1/128 trust\n")
    server = Process([postgres, "-D", data, "-p", 5433, "-k", folder, "-c", "fsync=off"], 5433, **nobody)
    setup = ("SET password_encryption = 'md5'; CREATE ROLE pass_user PASSWORD 'password' LOGIN;"
             "CREATE ROLE md5_user PASSWORD 'password' LOGIN; SET password_encryption = 'scram-sha-256';"
             "CREATE ROLE scram_user PASSWORD 'password' LOGIN; CREATE EXTENSION hstore;"
             "CREATE EXTENSION citext; CREATE EXTENSION ltree;")

    class Ready:
        def __enter__(self):
            server.__enter__()
            ask = [psql, "-X", "-h", "127.0.0.1", "-p", 5433, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-c"]
            while run([*ask, "SELECT 1"]).returncode and server.process.poll() is None:
                time.sleep(0.1)
            need([*ask, setup])

        def __exit__(self, *_):
            server.__exit__()
            shutil.rmtree(folder, ignore_errors=True)

    return Ready()


# ---- the table ---------------------------------------------------------------------------------

STEPS = {
    "hyper by curl": hyper_by_curl,
    "hyper": hyper,
    "autobahn, our server": autobahn_against_our_server,
    "autobahn, our client": autobahn_against_our_client,
    **{name: (lambda name=name: suite(name)) for name in SUITES},
    "tokio-postgres": tokio_postgres,
}


def documented():
    """The last counts, from the table in README.md."""
    rows = re.findall(r"^\| `?([^|`]+?)`? \| [^|]* \| (\d+) \| (\d+) \|", (HERE / "README.md").read_text(), re.M)
    return {name: (int(passed), int(failed)) for name, passed, failed in rows}


def version():
    commit = run(["git", "rev-parse", "HEAD"], cwd=ROOT).stdout.strip()
    changes = run(["git", "diff", "HEAD"], cwd=ROOT).stdout
    return commit + (f" {hashlib.sha256(changes.encode()).hexdigest()[:12]}" if changes else "")


def carry_out(name, step, last):
    """Runs one step; prints its line. Whether it is no worse than it was."""
    try:
        passed, failed, *left_out = step()
    except Skipped as why:
        print(f"SKIPPED: {name}: {why}", flush=True)
        return None
    except Broken as why:
        print(f"{name}: BROKEN: {why}", flush=True)
        return False
    passed_or_left = passed + sum(left_out)
    was = f"{last[0]} and {last[1]}" if last else "not there"
    print(f"{name}: {passed} passed, {len(failed)} failed (in the docs: {was})", flush=True)
    for failure in failed:
        print(f"    failed: {failure}")
    if last is None:
        return passed > 0 and not failed
    return passed_or_left >= last[0] and len(failed) <= last[1]


def main():
    words = [word for word in sys.argv[1:] if word not in ("--again", "--quick")]
    WORK.mkdir(parents=True, exist_ok=True)
    if "--quick" in sys.argv:
        hundred = lambda: autobahn_against_our_server(FIRST_HUNDRED)
        steps = [("hyper by curl", hyper_by_curl, documented().get("hyper by curl")),
                 ("autobahn, its first 124", hundred, None)]
        sys.exit(1 if False in [carry_out(*step) for step in steps] else 0)
    for word in words:
        if word not in STEPS:
            sys.exit(f"no suite is called `{word}`; there are: {', '.join(STEPS)}")
    state_file, now = WORK / "state.json", version()
    state = json.loads(state_file.read_text()) if state_file.exists() else {}
    good = True
    for name in words or STEPS:
        if state.get(name) == now and not words and "--again" not in sys.argv:
            print(f"{name}: has run on these sources; --again runs it anew")
            continue
        done = carry_out(name, STEPS[name], documented().get(name))
        good = good and done is not False
        if done:
            state[name] = now
            state_file.write_text(json.dumps(state, indent=1))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
