//! The modules that a program can import, and the names in each.
//!
//! *Promises*: what is not here is refused with its place, before anything runs.
//! *Leaves out*: the built-in names, and the checks (`python/code/modules.rs`).

/// The modules, and what is in each.
#[rustfmt::skip]
pub const MODULES: &[(&str, &[&str])] = &[
    ("threading", &[
        "Thread", "Lock", "RLock", "Condition", "Event", "Semaphore", "BoundedSemaphore",
        "Barrier", "Timer", "BrokenBarrierError", "current_thread", "currentThread",
        "active_count", "main_thread", "enumerate", "get_ident", "get_native_id", "local",
        "ThreadError",
    ]),
    ("time", &[
        "sleep", "time", "monotonic", "perf_counter", "process_time", "time_ns",
        "monotonic_ns", "perf_counter_ns",
    ]),
    ("queue", &[
        "Queue", "LifoQueue", "PriorityQueue", "SimpleQueue", "Empty", "Full",
    ]),
    ("collections", &[
        "deque", "defaultdict", "Counter", "OrderedDict", "namedtuple",
    ]),
    ("itertools", &[
        "count", "chain", "islice", "product", "combinations",
        "combinations_with_replacement", "permutations", "accumulate", "cycle", "repeat",
        "takewhile", "dropwhile", "filterfalse", "compress", "starmap", "pairwise",
        "zip_longest", "groupby", "tee",
    ]),
    ("functools", &[
        "partial", "reduce", "wraps", "update_wrapper", "lru_cache", "cache", "cmp_to_key",
        "total_ordering",
    ]),
    ("operator", &[
        "itemgetter", "attrgetter", "methodcaller", "add", "sub", "mul", "truediv",
        "floordiv", "mod", "neg", "not_", "eq", "ne", "lt", "le", "gt", "ge", "and_", "or_",
        "xor", "concat", "contains", "getitem",
    ]),
    ("heapq", &[
        "heappush", "heappop", "heapreplace", "heappushpop", "heapify", "nsmallest",
        "nlargest", "merge",
    ]),
    ("bisect", &[
        "bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right",
    ]),
    ("contextlib", &[
        "contextmanager", "suppress", "closing", "nullcontext", "ExitStack",
    ]),
    ("copy", &[
        "copy", "deepcopy",
    ]),
    ("abc", &[
        "ABC", "abstractmethod",
    ]),
    ("dataclasses", &[
        "dataclass", "field", "asdict", "astuple", "replace", "fields", "is_dataclass",
        "FrozenInstanceError", "Field", "MISSING",
    ]),
    ("typing", &[
        "Any", "Callable", "ClassVar", "Dict", "Final", "FrozenSet", "Generator", "Generic",
        "Iterable", "Iterator", "List", "Literal", "Mapping", "Optional", "Protocol",
        "Sequence", "Set", "Tuple", "Type", "TypeVar", "Union", "TYPE_CHECKING",
    ]),
    ("__future__", &[
        "annotations", "division", "print_function", "absolute_import", "generators",
        "with_statement", "unicode_literals", "nested_scopes",
    ]),
    ("random", &[
        "random", "randint", "choice", "choices", "randrange", "uniform", "seed", "shuffle",
        "sample", "gauss",
    ]),
    ("string", &[
        "ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "hexdigits",
        "octdigits", "punctuation", "whitespace", "printable",
    ]),
    ("sys", &[
        "setswitchinterval", "getswitchinterval", "setcheckinterval", "getcheckinterval",
        "version_info", "version", "maxsize", "argv", "exit", "stdout", "stderr",
        "setrecursionlimit", "getrecursionlimit", "platform",
    ]),
    ("math", &[
        "sqrt", "floor", "ceil", "trunc", "pi", "e", "tau", "inf", "nan", "gcd", "lcm",
        "factorial", "comb", "perm", "prod", "isqrt", "isnan", "isinf", "isfinite",
        "isclose", "fabs", "pow", "exp", "log", "log2", "log10", "log1p", "sin", "cos",
        "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "hypot", "degrees",
        "radians", "copysign", "fmod", "modf", "dist", "fsum",
    ]),
    ("asyncio", &[
        "ALL_COMPLETED", "AbstractEventLoop", "Barrier", "BoundedSemaphore",
        "BrokenBarrierError", "CancelledError", "Condition", "Event", "FIRST_COMPLETED",
        "FIRST_EXCEPTION", "Future", "IncompleteReadError", "InvalidStateError",
        "LifoQueue", "LimitOverrunError", "Lock", "PriorityQueue", "Queue", "QueueEmpty",
        "QueueFull", "Semaphore", "Server", "StreamReader", "StreamWriter", "Task",
        "TaskGroup", "Timeout", "TimeoutError", "all_tasks", "as_completed", "create_task",
        "current_task", "ensure_future", "gather", "get_event_loop", "get_running_loop",
        "iscoroutine", "iscoroutinefunction", "isfuture", "new_event_loop",
        "open_connection", "run", "set_event_loop", "shield", "sleep", "start_server",
        "timeout", "timeout_at", "to_thread", "wait", "wait_for",
    ]),
    ("os", &[
        "cpu_count", "getpid", "_exit",
    ]),
    ("concurrent", &[
        "futures",
    ]),
    ("concurrent.futures", &[
        "ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION", "BrokenExecutor",
        "CancelledError", "Executor", "Future", "InvalidStateError", "ThreadPoolExecutor",
        "TimeoutError", "as_completed", "thread", "wait", "ProcessPoolExecutor", "process",
    ]),
    ("concurrent.futures.thread", &[
        "BrokenThreadPool", "ThreadPoolExecutor",
    ]),
    ("concurrent.futures.process", &[
        "BrokenProcessPool", "ProcessPoolExecutor",
    ]),
    ("multiprocessing", &[
        "Lock", "Pool", "Process", "ProcessError", "Queue", "SimpleQueue", "TimeoutError",
        "active_children", "cpu_count", "current_process", "freeze_support",
        "get_start_method", "pool", "set_start_method",
    ]),
    ("datetime", &[
        "MAXYEAR", "MINYEAR", "datetime", "timedelta",
    ]),
    ("multiprocessing.pool", &[
        "AsyncResult", "Pool",
    ]),
];

/// Names of modules that many programs use and the subset has not, with what to write instead.
pub const INSTEAD: &[(&str, &[&str], &str)] = &[
    (
        "multiprocessing",
        &["Array", "Manager", "RawArray", "RawValue", "Value", "managers", "shared_memory"],
        "processes share no memory here: return the value, or send it through a Queue",
    ),
    (
        "multiprocessing",
        &["Connection", "JoinableQueue", "Pipe", "connection"],
        "use a Queue in each direction",
    ),
    (
        "multiprocessing",
        &["Barrier", "BoundedSemaphore", "Condition", "Event", "RLock", "Semaphore"],
        "use a Lock, or a Queue with tokens in it",
    ),
    ("multiprocessing", &["get_context"], "call Pool, Process and Queue of the module itself"),
];
