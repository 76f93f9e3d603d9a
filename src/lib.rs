//! Three kinds of concurrency, built from system calls up, to be read, run and raced.
//!
//! * the **event loop**: a hand-written reactor on `mio`, tasks, wakers, timers (*asyncio*);
//! * the **switched threads**: [`GlobalLock`](gil::GlobalLock), an emulator of CPython's
//!   interpreter lock over real OS threads (*threading*);
//! * the **process pool**: forked workers behind `libc` pipes (*multiprocessing*);
//!
//! and over all three one [`Future`](futures::Future) and one [`Executor`](futures::Executor)
//! (*concurrent.futures*).
//!
//! # The floors
//!
//! A folder may import only folders listed above it, and inside a folder no imports run in a
//! circle; `tests/floors.rs` enforces both, and that this list says of each file what the file
//! says of itself. Each folder's own page has a map of it.
//!
//! ```text
//! sys                     The system calls, each behind a safe function
//!   child.rs              What a child does before anything else, and what is settled for it before the fork
//!   death.rs              How a process came to its end: an exit code, or a signal
//!   fd.rs                 Descriptors: how a call on one fails, pipes, and waiting for one of them
//!   futex.rs              A word on which threads sleep: a futex
//!   generation.rs         The number of this process among those that were forked from one another
//!   memory.rs             Memory straight from the kernel: pages, and huge pages
//!   pidfd.rs              A child by its descriptor: opened, watched, sent signals; and collected
//!   process.rs            Processes: fork, where that is safe, and the ways back
//!   process_tree.rs       The tree of a process: what it has started, and what that has started, signalled together
//!   signal.rs             Signals: a handler that notes the number and writes to an eventfd, and no more
//!   socket.rs             Sockets beyond std's: listeners with options, whole messages, descriptors sent
//!   usage.rs              What the kernel charged a child or a thread, and on which cores a thread may run
//! base                    What every floor uses: locks, ids, what a panic leaves, numbers from a seed
//!   id.rs                 Ids and keys: numbers for loops, tasks and slots that notice when they are stale
//!   origin.rs             The process that made a thing: how what came with a fork knows that it is a copy
//!   panic.rs              What a panic leaves behind, and warnings that have no other place to go
//!   random.rs             Numbers that look random and are the same for the same seed
//!   sync.rs               The locks and atomics that two threads meet at: parking_lot's and std's, or a model's
//!   text.rs               Text of strangers (a file's name, a server's answer, a program's line) as it may be shown
//! futures                 Futures and executors: `concurrent.futures`, and the pool of threads
//!   deadlock.rs           The deadlock guard: which pools this thread works for, asked before it blocks
//!   error.rs              Why a job has no value: one enum for threads, GIL threads and processes
//!   executor.rs           `Executor`, the interface of all pools: submit, map, shut down
//!   future.rs             Promise and future: one thread will set a result, others wait for it
//!   idle_workers.rs       When a pool wakes or starts a worker: which run, search and sleep. Pure
//!   job_queue.rs          The queue of a thread pool: where jobs wait for workers, and workers for jobs
//!   on_done.rs            What happens when a future becomes done: who waits is told, then callbacks run in order
//!   oneshot.rs            The cell that a promise and its future share: five states and an outcome
//!   queued_job.rs         A job that waits for a worker of a thread pool: a closure beside the cell for its result
//!   thread_pool.rs        A pool of threads that share memory: `ThreadPoolExecutor`
//!   wait_graph.rs         Who waits for whom: circles through event loops and pools of threads. Pure
//!   waiting.rs            Waiting for several futures: for all, for the first, or for each as it comes
//!   wire.rs               What may cross a pipe between processes: serde values, encoded by postcard
//! selector                Where the loop waits for descriptors: epoll through mio or polling, or a script
//!   event.rs              The `Selector` trait: what a loop needs of the system, and a backend's contract
//!   mio.rs                The default selector: mio's epoll, edge-triggered, with timeouts to the nanosecond; and a futex where
//!   polling.rs            The second backend for real descriptors: the `polling` crate, one shot at a time
//!   scripted.rs           The selector for tests: time is a number that jumps, and events come from a script
//!   simulated.rs          The selector of simulated runs: time is a number that jumps, descriptors are real
//!   sleeper.rs            How a thread sleeps that watches no descriptor: it parks
//! task                    Tasks: one block of memory, its states, and the queue of what is ready
//!   arena.rs              Memory for the tasks of one thread: small blocks, many of them, and soon given back
//!   budget.rs             A task's budget for one poll, and yielding: how a task lets the others run
//!   cell.rs               A task: one block of memory, whose owners do not know the type of its future
//!   metadata.rs           What few tasks have: a name, done callbacks, and the place where they were made
//!   ready_queue.rs        The tasks of one loop, and the queue of what is ready to run
//!   running.rs            The shortest wake: a task that wakes itself while it runs
//!   state.rs              The five states of a task, the steps that a wake or a poll makes between them, and its errors
//! event_loop              The event loop: one thread that runs what is ready and sleeps when nothing is
//!   await_points.rs       Where in its source a task waits: the line of the `await`, read from the stack when it goes to sleep
//!   calls.rs              Callbacks, now or at a time, and the handle of a loop for other threads
//!   caught.rs             Values of the user's, dropped where no panic may come out
//!   chosen.rs             A run in which the caller chooses what runs next: any ready task, or time that passes
//!   core.rs               The parts of one loop, which loop a thread runs, and what reaches it from elsewhere
//!   debug.rs              Debug mode: which step held the loop for too long, and where its task was made
//!   inbox.rs              The inbox: what other threads ask of a loop, and when that has to wake its selector
//!   join.rs               The handle of a task: await it, cancel it, or let it go
//!   lifecycle.rs          The `EventLoop` from its making to its end: its parts, its settings, its closing
//!   lints.rs              Lints: tasks that hold the loop, mostly wake themselves, or can never be woken again. Pure
//!   looks.rs              Looks at tasks from outside, by their handles and in groups: told to whoever asks, as they happen
//!   no_spans.rs           What stands for `spans.rs` without the feature `tracing`: functions that do nothing
//!   reactor.rs            The descriptors of one loop: what is ready on each, and which tasks wait for it
//!   recording.rs          A recording of a loop: which task was polled when, who woke it, how long the loop slept
//!   run_once.rs           One iteration of the event loop, in eight steps, and the four ways to run it
//!   scheduler.rs          A task's life on its loop: spawned, run step by step, dropped
//!   spans.rs              Spans and events of tasks, as tokio-console reads them; and lints while they run (feature `tracing`)
//!   timers.rs             Deadlines in order: a heap from which any entry can be taken back
//!   waker.rs              A waker that is a number
//! aio/time                Waiting for time: sleeping, and limits
//!   interval.rs           Ticks at regular times
//!   sleep.rs              Sleeping, without holding the thread; and from when a time counts
//!   timeout.rs            Time limits around a future
//! aio/sync                Waiting for each other: locks, events, semaphores, barriers, queues
//!   barrier.rs            A barrier: a fixed number of tasks wait for each other, then all go on together
//!   event.rs              An event: a flag that tasks can wait for
//!   lock.rs               A lock around a value, and a condition: waiting for a change to that value
//!   notify.rs             Tasks that check again whenever an object has changed
//!   queue.rs              Queues between the tasks of one loop: by age, by priority, or last in, first out
//!   semaphore.rs          Semaphores: a number of permits, handed out in order
//!   waiters.rs            The queue of waiters, and the future that waits in it, under every primitive
//! aio/tasks               Waiting for tasks and for jobs on threads, and looking at the tasks of a loop
//!   bridge.rs             Between loop and executors: jobs that tasks await, futures that threads wait for
//!   children.rs           Several tasks awaited at once: which of them is done next?
//!   combine.rs            Waiting for several tasks: all of them, the first, or one after the other
//!   current.rs            Tasks from inside: the current one, all others, names, callbacks, context variables
//!   either.rs             The first of two futures
//!   on_loop.rs            From any thread onto a loop: futures that cannot travel, made and run where they belong
//!   task_group.rs         Tasks that end together: if one fails, the rest is cancelled; none outlives the block
//!   task_tree.rs          The tasks of a loop as a tree: which task awaits which, drawn from inside
//! aio/net                 Waiting for descriptors: sockets, pipes, and descriptors of other code
//!   async_fd.rs           A descriptor that the loop watches: the step between a system call and a future
//!   byte_stream.rs        A stream of bytes: what TCP, Unix streams and pipes have in common
//!   fds.rs                Descriptors of other code: `readable`, `writable`, `add_reader`, `add_writer`
//!   lookup.rs             The look-up of names, on threads of its own
//!   nonblocking.rs        Non-blocking mode on descriptors that came from elsewhere: set while they are used, and put back
//!   owned_halves.rs       The two directions of one stream, each with an owner of its own
//!   race.rs               A race of connects: which address is tried next, and when (RFC 8305, "Happy Eyeballs"). Pure
//!   tcp.rs                TCP: a listener, and a stream, also to a name
//!   udp.rs                UDP: messages that may be lost, doubled or reordered, but are never cut
//!   unix.rs               Unix sockets: streams, their listener, and datagrams
//! aio/streams             Buffered streams, and servers
//!   buffers.rs            The two buffers of a stream: bytes that have arrived, and bytes to be sent. Pure
//!   outgoing.rs           The sending side of a stream: a queue, the task that empties it, and how it ends
//!   reader.rs             A buffered reader: by lines, by separators, by counts
//!   server.rs             A server: accepts connections and runs one task for each
//!   writer.rs             A buffered writer: `write` never waits, `drain` waits when too much is queued
//! aio                     What asyncio users know: sleeping, sockets, locks, queues, tasks, and `run`
//!   run.rs                `run`: a loop for one main task, from the first poll to the last thread
//!   signal_dispatcher.rs  The dispatcher of signals: which loop listens, and what it does with each that has come
//!   signals.rs            Signals, as callbacks on the loop and as streams of arrivals
//!   subprocess.rs         Child processes: std's `Command`, with the pipes and the child's end on the loop
//! sim                     A program of tasks, run in every order in which a loop could run it
//!   explorer.rs           The exploration of a program: every order, or as many as are asked for; and the first that fails
//!   frontier.rs           Which orders are still to be tried, those with the fewest deviations first. Pure
//!   guide.rs              Who chooses in a run: an order that is known, chance, or a search. Pure
//!   order.rs              An order: what was chosen in a run, from its first choice to its last. Pure
//!   panics.rs             The panics of a program that is tried in thousands of orders: caught, with their places, and not printed
//!   program.rs            What a program under exploration may ask of its simulation
//!   sleep_sets.rs         Every order once, but of orders that only swap independent steps one. Pure
//!   stage.rs              What a run and its program share: who chooses, what was chosen, and what a step has done
//!   story.rs              A run told step by step: who went on, what it did, where it waits
//!   trial.rs              One run of a program in an order of somebody's choosing
//! interop                 Other people's traits on the loop's own types: hyper's, tokio's, those of futures
//!   futures_io.rs         The traits of the `futures-io` crate on every stream (feature `futures-io`)
//!   halves.rs             A half of a stream, as every foreign trait asks for it: polled to read, or polled to write
//!   hyper.rs              hyper's runtime on this loop: its streams, its executor, its timer (feature `hyper`)
//!   stream.rs             The trait `Stream` of the `futures-core` crate (feature `futures-core`)
//!   tokio_io.rs           tokio's `AsyncRead` and `AsyncWrite` on every stream (feature `tokio-io`)
//! gil/rules               Which thread has the lock, and when it drops it: every rule, without threads
//!   decision.rs           What the rules decide, as plain data; the errors instead of a deadlock
//!   machine.rs            Which thread holds the lock, which is next, which sleep: all rules. Pure
//!   pending.rs            Calls that only the main thread may make, such as the handlers of signals
//!   policy.rs             When the lock changes hands: five small choices make every GIL there has been
//!   presets.rs            The presets: every GIL there has been, and three that there might have been, by name
//!   switch_point.rs       Where a thread could let another one run: nine kinds of switch point, and sets of them
//!   threading.rs          Under which rules the threads of a program run: a global lock with its policy, or none
//!   ticker.rs             When a check is due under a policy that counts: every `n + 1` ticks
//!   view.rs               What can be seen of the lock: its state, as the machine knows it. Pure
//!   wait_queue.rs         The queue of waiters: their order, their requests, their two classes
//! gil/stats               What is counted, measured and recorded of a lock and its threads
//!   counters.rs           Counters: how often each thing happened to a lock, and the time waited
//!   histogram.rs          A histogram of lengths of time: 65 buckets, each twice as wide as the one before
//!   record.rs             A recording: the events of each thread in a ring, the states between them
//!   thread_stats.rs       What is counted and recorded of each thread, and the registry of all
//! gil/lock                The lock: real threads that follow the rules
//!   cell.rs               Values under a lock: a cell for its holder, a channel to another interpreter
//!   gil_thread.rs         Threads that run with the lock and block without it, and a pool of them
//!   global_lock.rs        The global lock's handle: attach to it, set its interval, read its counters
//!   state_word.rs         The fast path: one atomic word, for the thread that had the lock last
//!   take_gil.rs           CPython's `take_gil` and `drop_gil`: how threads sleep for the lock, and are woken
//!   thread_state.rs       A thread's own state for each lock that it uses: take the lock, drop it
//!   token.rs              The token that proves that this thread holds the lock
//! gil/simulator           The lock on simulated cores: the same rules, in virtual time
//!   activities.rs         The effect of each activity's end: the rules decide, and the next activity starts
//!   cores.rs              Simulated cores, and the scheduler that gives them to threads
//!   costs.rs              What a simulated machine charges for wake-ups, switches and the lock
//!   simulation.rs         The simulator: the lock's rules on any number of cores, in virtual time
//!   thread.rs             A simulated thread: the script that it runs, and how far it has come
//!   timeline.rs           Virtual time: which thread is at which activity, and until when
//! gil/free_threading      Free threading: threads without a lock, and one that stops the world (PEP 703)
//!   attached.rs           A thread in a scope of free threading: attach, detach, park, stop the world
//!   scope.rs              A scope of free threading: threads run in parallel, until one stops the world (PEP 703)
//!   stop_the_world.rs     The rules of PEP 703: threads that run in parallel, and one that stops the world
//! vm                      A small bytecode machine whose instructions are the lock's ticks
//!   access.rs             What an instruction touches that threads share
//!   assembler.rs          The assembler: from text to a program
//!   disassembler.rs       The disassembler: a program as text, and as Python's `dis` would list it
//!   expect.rs             What a program expects of its globals when all threads have ended, and the grammar of that
//!   expect_parser.rs      The grammar of `expect`: from lexemes to an expression over the globals
//!   explorer.rs           The explorer: every schedule that a policy allows, and the outcome of each
//!   lexemes.rs            The lexemes of a program's text: words and marks, line by line, each with its column
//!   limits.rs             How much the explorer tries, and what ended it before it had tried everything
//!   op.rs                 The instruction set: what there is, what its number means, where the lock may change hands
//!   program.rs            Programs as plain data: globals, functions, threads, and what threads wait for
//!   real_threads.rs       A program on real threads, under a real lock
//!   replay.rs             A schedule, carried out instruction by instruction, and drawn
//!   schedule.rs           Schedules: their text, the serial outcomes, the fewest switches to each outcome
//!   sync.rs               What the threads of a program wait for: locks, events, conditions, semaphores
//!   thread.rs             A thread of a program: its frames, what it waits for, and the one `match` that executes
//!   verifier.rs           The verifier: which programs can run. A verified one cannot go wrong
//!   world.rs              The world: all threads of a program as coroutines, run step by step
//! process/message         What goes through a pipe: frames, calls, descriptors; and which process has a call
//!   call.rs               A call as bytes: the addresses of two functions, and an argument
//!   claim.rs              A claim: which of two processes has a job that was sent ahead
//!   descriptor.rs         An open descriptor as an argument of a process that is being started
//!   frame.rs              Frames: a stream of bytes cut into messages with a kind, a number and a body
//!   header.rs             A frame's header: how long it is, what it is about, and where its body lies
//!   segment.rs            A segment: memory beside a worker's pipes, in which long bodies lie
//! process/forkserver      Forks: the fork server, its workers, and one process for one function
//!   client.rs             The fork server's handle: starts it, has it fork workers and reap them
//!   connection.rs         The program's end of the socket to the fork server: one request, one answer
//!   error.rs              Why there is no fork server, or no process from it, and what to do about that
//!   hooks.rs              Functions that run around every fork of a worker: what `os.register_at_fork` is in CPython
//!   options.rs            What a fork server does besides forking: workers made ahead, and hooks around each fork
//!   process.rs            A process for one function: start it, watch it, wait for it, take its result
//!   server.rs             The fork server process: forks, with hooks around it, keeps preforked workers
//!   worker.rs             The worker process: read a call, run it, write the reply
//! process/channel         Values between processes: pipes and queues
//!   pipe.rs               Pipes of values: one end sends, the other receives, here or in another process
//!   queue.rs              A queue of values that any number of processes put into and get from
//!   slots.rs              The slots of a queue with a `maxsize`: one byte in a pipe for each that is free
//! process/pool            The pool that loses no job
//!   chunk.rs              Chunks: many items in one job, and where their results are collected
//!   crew.rs               The pool's threads: one leads; another takes over when that one is held up
//!   dispatcher.rs         The pool's rules: which job is where, and what must happen next. Pure
//!   job.rs                A job: what was agreed on, its frame and promise, and how it came out
//!   multiprocessing.rs    `multiprocessing.Pool`: apply, map, imap and their kin
//!   noted.rs              What of a pool's state is recorded: read from the records before and after a change
//!   options.rs            What can be chosen for a pool, for a job, and for a map of many jobs
//!   outcomes.rs           Outcomes: jobs that came out at the same moment, settled one by one by whoever is free
//!   pool_shared.rs        What a pool's handles and threads share: the state, the crew, and the reading of replies
//!   pool_state.rs         The pool's records and pipes, under one lock
//!   process_pool.rs       The process pool: functions submitted here run in forked workers
//!   recording.rs          A recording of a pool: which job waited, was sent, ran where and when, and which worker died. Pure
//!   replies.rs            A worker's replies: which thread reads them, what they may be. Pure
//!   roles.rs              Who of a pool's threads does what: one leads, one may stand by, the others settle and ask. Pure
//!   supervisor.rs         The supervisor: what the thread that leads does, and the requests to the fork server
//!   take_back.rs          Taking back: a job that was sent ahead and has not begun is the pool's again. Pure
//!   worker.rs             One worker, as the pool knows it: what it was sent, when it is late. Pure
//!   worker_pipes.rs       One worker's descriptors: its request pipe, its reply pipe and its pidfd
//!   workers.rs            All workers: which one gets the next job, when one more is forked. Pure
//! python/front            The front end: from source text to a tree, and which variable each name is
//!   names.rs              Which variable each name is: a slot of its function, a cell shared with inner functions, or a
//!   parse.rs              The parser: Ruff's. Its statements become ours, or are refused
//!   position.rs           A place in a Python file
//!   reader.rs             Ruff's expressions become ours, or are refused
//!   refusal.rs            Why a file cannot be run: one line with its place, and the line of source below a caret
//!   tree.rs               The tree: the subset of Python, as plain data
//! python/value            Values: small copies, and numbers of objects in a heap
//!   any.rs                A value: what a variable holds
//!   asyncio.rs            Coroutines, futures, tasks and event loops, as objects of the heap
//!   frame.rs              A call: its frame, and what becomes of the value that it returns
//!   hash.rs               A quick hash for keys and texts
//!   heap.rs               The heap: objects in numbered slots, and a journal of what was changed
//!   object.rs             The objects of the heap
//!   strings.rs            Every text once: a string is a number, and two equal strings are the same number
//!   table.rs              The entries of a dict or a set, in the order of insertion
//!   types.rs              The built-in types, by name
//! python/code             Code: from the tree to instructions, in the order in which CPython's compiler emits them
//!   arguments.rs          Calls as instructions, with or without stars
//!   awaiting.rs           `await`, `async for` and `async with` as instructions
//!   blocks.rs             Loops, `try` and `with` as instructions, and every way out of them
//!   catalogue.rs          The modules that a program can import, and the names in each
//!   compiler.rs           The compiler: what it keeps while it emits code
//!   disassembler.rs       The disassembler: a program's instructions below their lines of source, and where policies look
//!   expressions.rs        Expressions as instructions
//!   fusion.rs             Superinstructions: frequent sequences as one instruction, as CPython 3.11 and later have them
//!   instruction.rs        The instruction set, and the kinds of places between instructions
//!   modules.rs            Which names of Python's library a program may use
//!   names.rs              The names that are built in, and those that are refused with a remedy
//!   program.rs            A program: code objects, constants, and the names of globals
//!   statements.rs         Statements as instructions
//! python/machine          The machine: threads with frames, and what each instruction does to them
//!   asking.rs             Asking what is outside of a world: for the time, for a line of stdin, for another process
//!   attributes.rs         Attributes: where a name of an object is found, and what is bound to it
//!   awaiting.rs           `await`, `async for` and `async with`: what they do
//!   binding.rs            Functions are made; arguments are bound to parameters
//!   burst.rs              The inner loop: instructions of one thread, up to a place where somebody else may go on
//!   calls.rs              Calls: of functions, methods, classes and the library; and what happens with the result
//!   classes.rs            Classes: made of a body, and linearised as CPython does
//!   collector.rs          The collector: objects that nothing leads to are freed
//!   comparison.rs         Comparisons, membership and truth
//!   concatenation.rs      Operators on containers: `+`, `*`, and those of sets, dicts and counters
//!   control.rs            Branches, `raise`, `with` and imports
//!   delegation.rs         `yield from`, and `throw` into a generator
//!   delivery.rs           What happens with the value that a call returns
//!   execute.rs            Instructions that may call, raise or wait
//!   fields.rs             The fields of format strings
//!   format.rs             Format specifications: of f-strings, of `str.format`, and of `%`
//!   frames.rs             Frames: calls of the current thread, and their part of its stack
//!   interpreter.rs        The machine: a world, and what the program needs to change it
//!   iteration.rs          Iteration: what a `for` takes its items from, and generators
//!   keys.rs               Keys of dicts and sets
//!   kinds.rs              What a value is: its type, its class, and what that is derived from
//!   known.rs              Names that the machine looks for often, as numbers
//!   numbers.rs            What is the same of ints and floats: their order, and their hash
//!   objects.rs            Items: subscripts, slices, unpacking, and the containers that are being built
//!   operators.rs          The operators between two values, and before one
//!   outside.rs            What is outside of a world: the clock, the lock's settings, and what is asked of the shell
//!   overloads.rs          The methods of a class that stand for operators
//!   percent.rs            `text % values`
//!   processes.rs          What a program asks of other processes, and what comes back
//!   quick.rs              Instructions on the operands that they mostly have
//!   quick_access.rs       Attributes, items and iteration on the objects that they mostly are of
//!   quick_calls.rs        Calls of Python functions with what they need and no more, and the way back
//!   slices.rs             Slices: which items `a[i:j:k]` means, and what an assignment to them does
//!   spare.rs              Lists of values that are used again, so that a call of the library allocates nothing
//!   spec.rs               A format specification, and numbers laid out as it says
//!   spread.rs             Stars: `[*items]`, `{**mapping}`, `f(*args, **kwargs)` and `a, *rest = items`
//!   tasks.rs              Futures, tasks and event loops: how a future gets done, and who runs then
//!   terms.rs              The machine's words: how an instruction and a call went, what they touched
//!   text.rs               Values as text: `repr` and `str`
//!   traceback.rs          Tracebacks: the calls that an exception has come through, in CPython's words
//!   unwinding.rs          Exceptions on their way to a handler
//!   waiting.rs            Who waits for what, in words
//!   world.rs              The world: all that changes while a program runs, as data
//!   wrappers.rs           Properties, static methods and class methods, and attributes that come with a type
//!   zipping.rs            `zip`, `enumerate` and `map` over what calls no Python: iterators that hold iterators
//! python/image            Images: values, and whole worlds, as bytes, for another machine of the same program
//!   depth.rs              How deep the objects of an image are in each other, asked before any of them is made
//!   item.rs               What an image holds: objects in a list, which name each other by their place in it
//!   read.rs               Bytes become values and worlds again
//!   write.rs              Values and worlds become bytes
//! python/library          The library: what a program can call without having written it
//!   arguments.rs          Arguments of the library's functions, by position or by keyword
//!   asyncio.rs            Futures and tasks, and what the Python of asyncio stands on
//!   barriers.rs           `threading.Barrier`
//!   builtins.rs           The built-in functions
//!   bytes.rs              `bytes`: texts whose characters are bytes
//!   event_loops.rs        Event loops and their handles
//!   futures.rs            Pools of workers, and the results of their jobs: what `concurrent.futures` stands on
//!   generators.rs         Methods of generators, and of iterators
//!   inspection.rs         Functions about objects: what they are, which attributes they have, their hash
//!   lists.rs              Methods of lists, tuples and deques
//!   maths.rs              `math`, and the constants of modules
//!   modules.rs            `time`, `random` and `math`
//!   numerals.rs           Numbers written in other ways: an int as bytes, a float as a ratio, bytes as hexadecimal digits
//!   patterns.rs           Methods of texts that split or translate them, and formats taken apart for the prelude
//!   processes.rs          What `multiprocessing` and `ProcessPoolExecutor` stand on, and `os`
//!   queues.rs             `queue.Queue`, `queue.LifoQueue` and `queue.SimpleQueue`
//!   rows.rs               All rows of the library, and the functions that are written in Python
//!   sequences.rs          The built-in functions over iterables
//!   sockets.rs            What the streams of asyncio stand on: sockets, which only a real run has
//!   sync.rs               Locks, conditions, events and semaphores: `threading`
//!   system.rs             `sys` and `input`: what a program asks of its interpreter and of its process
//!   tables.rs             Methods of dicts and sets
//!   texts.rs              Methods of strings
//!   threads.rs            `threading.Thread`, and which thread runs
//!   types.rs              Constructors of the built-in types
//! python/explore          Every schedule of a Python program that a version's switch points allow
//!   changes.rs            What a step changed: to go from one world to another without a copy of either
//!   conflicts.rs          Which steps nobody else can notice, so that their order makes no difference
//!   contents.rs           What an object holds, mixed into the number of a world
//!   cycles.rs             Cycles in the graph of worlds: loops that nothing can end, and threads that wait for ever
//!   exploration.rs        What is asked of an exploration, and what it finds
//!   fingerprint.rs        A world as a number: equal for worlds from which the same can happen
//!   graph.rs              The worlds that were reached, and how: a graph, and a machine that is in one of them
//!   lookahead.rs          What can be told from an instruction before it is executed
//!   moves.rs              A move of a schedule: which thread goes on; and schedules as text
//!   outcome.rs            Outcomes: what was printed, which exceptions ended threads, what the globals are
//!   policies.rs           Where threads may switch: the crate's policies, asked for the places of Python code
//!   replay.rs             One schedule again, with what each line did
//!   sampling.rs           Schedules by chance, where all are too many: probabilistic concurrency testing
//!   search.rs             The search: every world that a program can come to, with the fewest switches first
//!   story.rs              A schedule for people: in columns, a thread each, with lines of source; and the sentence that
//!   worlds.rs             Steps: from a world to the next one, by one thread
//! python/run              Runs: a program in virtual time on one thread, or for real
//!   carry.rs              OS threads that carry the program's threads
//!   child.rs              What a process does that the program has started: a run of its own, in a copy of the world
//!   executors.rs          The executors behind a program's pools of threads, by the numbers of the pools
//!   inside.rs             What is under the lock: the machine, who waits, and how the run has ended
//!   loops.rs              Event loops of ours under those of the program: each task is carried by one of our tasks
//!   processes.rs          The other processes of a run, by the numbers of the requests that made them
//!   real.rs               A run for real: OS threads under a global lock, real time, real output
//!   requests.rs           What a program asks of other processes, carried out
//!   shell.rs              The shell: a machine under a global lock, and what a thread does that has the lock
//!   single.rs             A program run by itself: its threads take turns, and time is a number that jumps
//!   sockets.rs            The sockets of a program's event loop: connections and listeners of ours
//!   streams.rs            Where a program prints to, and what it reads
//!   waiters.rs            Threads that wait for something of the world, and which of them to wake. Pure
//! lab/report              What all reports are made of: measurements, figures, pictures
//!   failure.rs            Why there is no result, in one line: the thing, the reason, the remedy
//!   keys.rs               What the reader says: a key of a terminal, or a line
//!   lanes.rs              A recording drawn in characters: a line a thread, a strip for the owner. Pure
//!   marks.rs              The marks that a lane is made of: what one column shows, in characters and colours. Pure
//!   measure.rs            Work in a forked child, and what the kernel charged for it: `wait4`'s figures
//!   nearest.rs            The name that somebody meant who has written another
//!   outside.rs            What ends a command from outside: a signal, or a reader who has gone; and a limit of time
//!   program.rs            Whether there is a program of this name, asked before any work
//!   recording.rs          A lock's recording: flat, to cross a pipe; and in figures, by thread. Pure
//!   stats.rs              Medians, percentiles, and how figures are written. Pure
//!   table.rs              A table in characters: as many columns as the page has room for, and never half a number
//!   terminal.rs           What a terminal shows: how many columns it has, and which colours
//!   whole_file.rs         A file that is there whole or not at all: written beside, and renamed when it is complete
//!   window.rs             Which stretch of a recording is drawn: the last of it, one that was asked for, or a fight. Pure
//! lab/timeline            What any engine did, on one axis of time: threads, tasks, workers
//!   columns.rs            Columns: a lane cut into stretches of equal length, and what each of them shows. Pure
//!   fold.rs               Which lanes of a group are shown, where there are too many: those that wait most, of each kind. Pure
//!   from_lock.rs          A lock's recording as lanes: a thread each, and one that shows the owner. Pure
//!   from_loop.rs          A loop's recording as lanes: the loop's thread, and each task. Pure
//!   from_pool.rs          A pool's recording as lanes: the jobs that wait, and each worker. Pure
//!   lanes.rs              A timeline drawn in characters: a band for each run, all on one axis. Pure
//!   timeline.rs           A timeline: lanes of states, points in time, and links between lanes. Pure
//!   trace.rs              A timeline as a trace file: JSON that Perfetto and `chrome://tracing` open
//!   trace_event.rs        One event of a trace file, as its JSON has it. Pure
//!   trace_reader.rs       A trace file, read: the timeline that it was written from, or what is wrong with it. Pure
//! lab/page                One page of HTML: what all reports that a browser shows have in common
//!   axis.rs               Axes: round numbers where the marks stand, and how they are written. Pure
//!   bars.rs               Bars and dots: how long, where the time goes, and every round that says so. Pure
//!   card.rs               A card: one picture of 1200 by 630 pixels that says one thing, in a file of SVG that needs nothing
//!   curves.rs             Curves: one number by another, a line for each model, and where to look. Pure
//!   density.rs            Density: what is too short for a pixel becomes a shade, in which nothing is lost. Pure
//!   embed.rs              Data inside a page: JSON that no text in it can end
//!   lanes.rs              Lanes: a timeline as a picture, a row for each thread, task or worker. Pure
//!   markup.rs             Markup: elements, whose attributes and texts are escaped once, here. Pure
//!   request.rs            What a command is asked for beside its text: a page, a card; and the line that asks for it
//!   rows.rs               Rows: names beside an axis, from top to bottom. Pure
//!   shell.rs              The shell of a page: a template's text inside head and styles
//!   states.rs             States: how they are painted, what they are called, and how long a lane was in them. Pure
//! lab/poster              The poster: a packet arrives every 10 ms beside work that computes. Who is allowed to run?
//!   card.rs               The poster as a card: who is allowed to run when a packet arrives?
//!   loops.rs              The two bands of the event loop: the computing in a worker process, or on the loop itself
//!   packets.rs            Packets: when each came, and when it was handled. Pure
//!   poster.rs             The poster's data: four bands on one axis, and what each comes to
//!   threads.rs            The two bands of threads: one computes, one handles packets, under a lock
//! lab/compare             `singletrack compare`: the same jobs under eight models
//!   bands.rs              The models of a case beside each other, in characters: one recorded run of each, on one axis
//!   card.rs               The comparison as a card: for each case the choice, and what the others take beside it. Pure
//!   cases.rs              What is compared: three built-in cases, and three on the user's own input
//!   charts.rs             The pictures of a comparison: bars, dots, curves, each with what it shows as its title. Pure
//!   compute.rs            The computations of the jobs, as values: done here or shipped to a process, with ticks
//!   context.rs            What a job may call, and the calls that a model makes for it
//!   document.rs           The comparison for machines: one JSON object
//!   evidence.rs           Two models, round by round: how much one costs more than the other, and how sure that is. Pure
//!   export.rs             The comparison as files for other programs: CSV, a line a round; Markdown, a table a case. Pure
//!   film.rs               A film of one run: what the model's engines have recorded, as lanes on one axis
//!   footprint.rs          The processes of a run at one moment: memory, threads, time on cores and time without one
//!   gate.rs               The gate between a run's threads and its clock: all begin together, and none goes before all end
//!   html.rs               The comparison as one page of HTML: the finding first, then what shows it. Pure
//!   http.rs               An HTTP/1.1 answer, read piece by piece as it comes. Pure
//!   job.rs                The jobs, each written once
//!   judgement.rs          Which of some models to choose, and for what: time first, then what it takes. Pure
//!   lane.rs               A lane takes jobs one after another: its queue, its figures, where its time goes
//!   loops.rs              Jobs as tasks of an event loop: one thread, and every wait is an `await`
//!   model.rs              The ways to run the same jobs, by name: the eight that are compared, and one that runs where it is named
//!   notes.rs              What must be said beside a table: what bounds it, who was stopped, what a connection costs. Pure
//!   output.rs             The comparison for people: a table a case, its verdict, and the progress meanwhile
//!   processes.rs          Jobs, or the computations of jobs, in a pool of forked processes
//!   race.rs               The comparison: every model in every round, in another order each time, until it is clear
//!   recorded.rs           What each model does with a case: one more run of each, filmed, and not measured
//!   request.rs            `singletrack compare`: its arguments, and what they ask for
//!   result.rs             The rounds of a model summed up, and the models of a case side by side. Pure
//!   run.rs                One run of one model, in the child that is measured: the plan, and what carries it out
//!   server.rs             The server of the I/O cases, in a process of its own, and what it is asked
//!   step.rs               A unit of work made of steps: computing, waiting, computing without the lock, and what it carries
//!   sweep.rs              One setting through a range: a curve for each model, and where it bends. Pure
//!   tape.rs               What a lane writes down of itself: when it had which job, and when it was in a call. Pure
//!   threads.rs            One thread a lane: no other thread, many without a lock, or many under one lock
//!   trial.rs              Every file and every page once before the race: which can be had, and what they come to
//!   url.rs                `http://host[:port][/path]`, and the GET request for it. Pure
//!   verdict.rs            Which model won, by how much and at which price, and whether the rule of thumb says so. Pure
//! lab/scenes              `singletrack gil`: scenes of the lock, run for real or simulated, and explained
//!   battle.rs             `battle`: two threads that compute, against one
//!   bytecode.rs           Loops with the checkpoints that CPython's bytecode has for the same source line
//!   calibration.rs        Calibration: what this machine charges for ticks, wake-ups and switches
//!   computing.rs          Threads that compute under a lock, in a child process: the parts of real scenes
//!   convoy.rs             `convoy`: an echo server thread beside a thread that computes
//!   echo.rs               An echo server thread beside threads that compute, and the peer that asks it
//!   explanation.rs        Explanations, which name functions of this crate by file and line
//!   free_threaded.rs      `free-threaded`: two threads without a lock, and one that stops the world
//!   no_force.rs           `no-force`: two threads that compute, with and without a forced switch
//!   parity.rs             The simulator beside the real lock: one table
//!   per_interpreter.rs    `per-interpreter`: two threads that compute, under one lock and under two
//!   race.rs               `race`: four threads that do `x += 1` on one variable
//!   scene.rs              What a scene is: one value with everything that `singletrack gil` asks of it
//!   scene_html.rs         A scene as a page of HTML, and as a card: its lanes under each policy, and why. Pure
//!   scene_report.rs       A scene for people, drawn and explained; and for machines, one JSON object
//!   scene_run.rs          One run of a scene: what was recorded, and its figures: numbers with names
//!   signal_storm.rs       `signal-storm`: two threads that compute after Ctrl-C, the main thread blocked
//!   simulated.rs          Simulated machines that scenes run on, in virtual time
//!   starvation.rs         `starvation`: three threads that compute, and the longest wait of any of them
//! lab/fidelity            `singletrack gil fidelity`: real interpreters beside the presets of the lock
//!   comparison.rs         The same experiment on a real CPython and on its preset: do they agree in kind? Pure
//!   crowd.rs              A crowd at the lock: many threads let go at once, as `fidelity.py` lets them go
//!   idiom_table.rs        The idioms on one interpreter: what the explorer predicts, and what is seen
//!   idioms.rs             The idioms: what can stand between a load and a store, each as one piece of Python
//!   preset.rs             The emulator's side: a preset whose threads do what the interpreter's did
//!   python.rs             Real interpreters: which there are, one at work, and the experiments on it
//!   sides.rs              Both sides, asked in turn: what one of them cannot answer is a line, not the end
//!   subject.rs            The experiments that both sides of the comparison are asked for
//! lab/explore             `singletrack explore` and `dis`: a program of the bytecode machine, explored
//!   agreement.rs          What a real interpreter did beside what the explorer says that it can do
//!   answers.rs            Each policy's answer about a Python program, and what is wrong about it
//!   confirm.rs            Real interpreters that run the program many times, two at a time, each for a second or so
//!   confirmation.rs       `--confirm`: which interpreter is asked about which policy's answer, and what they say
//!   document.rs           What was explored, for machines: one JSON object
//!   explored.rs           What an exploration gives: a text, and perhaps a failure
//!   guarantees.rs         What each kind of answer means, and what it does not: the page of `explore --guarantees`
//!   html.rs               The answers about a Python program as one page of HTML, with a cursor that moves along the source
//!   listing.rs            The answers about a Python program, for people: a table or a list, and the schedule that goes wrong
//!   output.rs             What was explored, for people
//!   promise.rs            What the Python documentation promises about what a program does, beside what its versions do
//!   python.rs             `explore FILE.py`: which versions of Python can get it wrong, by which schedule, on which line
//!   python_document.rs    The answers about a Python program, for machines: one JSON object
//!   request.rs            What `explore` and `dis` are asked for: a command line, and a program file
//! lab/play                `singletrack explore --play`: the reader is the scheduler
//!   board.rs              How a game looks: the source with a mark where each thread is, what it waits for, the values
//!   game.rs               A schedule that a person makes: one step of the thread they pick, and back again
//!   level.rs              The levels: programs with a question, and an outcome to be reached
//!   request.rs            What `explore --play` is asked for: a program, a policy, a goal; or the list of levels
//!   session.rs            A game from its beginning to its end: asks for a thread, lets it go, says whether that was it
//! lab/explain             `singletrack explain`: eight faults of concurrent programs, each on a page of its own
//!   contention.rs         Convoy, battle, starvation: one lock, and the threads that want it
//!   forks.rs              Fork and locks: what a copied process cannot have
//!   page.rs               A topic's page: the picture of a run that was just made, the text with its places, what to try
//!   queues.rs             Back-pressure and head-of-line blocking: what a queue does to those at its ends
//!   request.rs            What `singletrack explain` is asked for: its arguments, and a request
//!   topic.rs              What a topic is: a fault by its name, why it comes, where this crate answers it, what shows it
//!   waking.rs             Thundering herd and lost wake-up: who is woken, and when
//! lab/run                 `singletrack run FILE.py`: a Python program for real
//!   command.rs            `run`: the program, then what was recorded of the lock
//!   request.rs            What `run` is asked for: a command line, and a program file
//! lab/choose              `singletrack choose`: threads, event loop or processes, for somebody's own work
//!   calibrate.rs          Calibration: what this machine charges for what the models are made of
//!   chosen.rs             All that a choice comes to: what was asked, the machine, the rounds, and the decision. Pure
//!   command.rs            `singletrack choose`: measures the work, the machine and the models, and shows what came of it
//!   contest.rs            A shape raced: the jobs of a round, made for this machine, under some models
//!   controls.rs           Two controls whose answers are known: pure waiting, and pure computing under a lock
//!   document.rs           A choice for machines: one JSON object
//!   finding.rs            What was found, in sentences: the verdict, its price, why, what would flip it, and the rule. Pure
//!   flips.rs              What would flip the verdict: the search for it. Pure
//!   html.rs               A choice as one page of HTML: the answer first, then a map of what was tried, and what shows it. Pure
//!   identities.rs         What arithmetic says of a row, and whether the row keeps to it. Pure
//!   machine.rs            How many cores there really are: by affinity, and by the quota of a control group
//!   outlay.rs             What a command or a page takes: CPU time and waiting, measured over a few runs
//!   output.rs             A choice for people: the machine, the controls, a table, and the finding. Pure
//!   probes.rs             What would flip the verdict: which settings are tried, and the measuring
//!   python.rs             What a Python program takes: run once for real, recorded, its threads' time with and without the
//!   quantity.rs           Durations and sizes as people write them: `2ms`, `4KiB`. Pure
//!   request.rs            What `choose` is asked for: a command line, and the work that it names
//!   shape.rs              The shape of somebody's work: the steps of a job, how many jobs, and how many at once. Pure
//!   source.rs             Where the steps come from: options, a step file, or work that is measured first
//!   steps.rs              Step files: one step of a job a line. Pure
//! lab/turns               `singletrack loop step`: an event loop, one iteration at a time
//!   document.rs           All turns for machines: one JSON object
//!   html.rs               All turns as one page of HTML: readable as it stands, and stepped through where scripts run
//!   lanes.rs              The lanes of a program's tasks, from its turns. Pure
//!   program.rs            A Python program whose event loop is shown: run in virtual time, an iteration at a time
//!   request.rs            `singletrack loop step`: its arguments, and what they ask for
//!   scene.rs              Scenes: small programs that show one thing about a loop each
//!   standing.rs           What a Python program's machine says of its tasks: names, what each waits for, on which line
//!   turn.rs               A turn: one iteration of a loop, and what every task waits for after it
//!   view.rs               One turn as text
//!   walk.rs               The walk through the turns: forwards and back, all of them, or as JSON
//! lab/replay              `singletrack replay`: through a trace file, a moment at a time
//!   moment.rs             Moments: all that happens in a timeline at one time, in order. Pure
//!   request.rs            What `singletrack replay` is asked for: a trace file, and where to begin
//!   view.rs               A moment as text, as a line for each thing that happens, and as JSON
//!   walk.rs               `singletrack replay`: the walk through the moments of a trace
//! lab/seeds               `singletrack sim`: the loop, the lock and the pool in one simulated world, a seed at a time
//!   clients.rs            Clients that send bytes to a server that sends them back, over connections with faults
//!   command.rs            `singletrack sim`: its arguments, seed after seed, and what is printed
//!   faulty.rs             A connection whose calls are interrupted, come too early, give little, or break
//!   listener.rs           A listener whose accepts fail: for want of descriptors or memory, or because a client has gone
//!   log.rs                What happened in a world, as one number
//!   pool.rs               A pool of workers: the real dispatcher, with tasks for processes and faulty connections for pipes
//!   signals.rs            Signals that come at any moment, and tasks that listen to them
//!   threads.rs            Threads under a policy, on simulated cores
//!   world.rs              A world: what a seed draws, and what must hold at its end
//! lab/examples            `singletrack examples`: all examples in reading order, and the exercises
//!   exercise.rs           The exercises: tests that fail until their reader has done something
//!   header.rs             What an example says of itself: level, minutes, what to read, question, prediction, command
//!   page.rs               The examples as text for people, or as JSON
//!   request.rs            What `singletrack examples` is asked for: its arguments, and a request
//!   shelf.rs              The shelf: which example stands where, in the order in which to read them
//! lab                     The lab behind the `singletrack` command
//!   cli.rs                What the command line asks for: its arguments, and a request
//!   compare_command.rs    `singletrack compare`: runs each case, at each point of a sweep if there is one, and shows it
//!   gil_cli.rs            What `singletrack gil` is asked for: its arguments, and a request
//!   gil_command.rs        `singletrack gil`: runs a scene, or asks real interpreters, and shows the result
//!   help.rs               Help: the same order for every command, completions for shells, and the page for `man`
//! ```
//!
//! # Words
//!
//! A *pure* file has rules and nothing else: no system call, no thread, and time comes in as a
//! value. Such a file says *Pure* in its first line. Its *shell* is the file that binds it to the system.
//! All other words are asyncio's where asyncio has one, else tokio's and mio's, else CPython's; these may
//! need a line:
//!
//! | here | is | elsewhere |
//! | --- | --- | --- |
//! | iteration | one pass of an event loop, [`run_once`](EventLoop::run_once) | asyncio's `_run_once` |
//! | root | the future given to `run_until_complete`: polled as a task is, but none | asyncio makes a task of it |
//! | step | one of the eight parts of an iteration; of a task: one poll of its future; in `choose`: a part of a job | asyncio's `__step` |
//! | inbox | what other threads ask of a loop | asyncio's self-pipe and `call_soon_threadsafe` |
//! | grant | a lock or permit that belongs to a waiter before it has run | |
//! | state word | an atomic that spares most callers a mutex or a system call | a fast path |
//! | attach, detach | take the lock for a thread; drop it around what blocks | `Py_BEGIN_ALLOW_THREADS` |
//! | tick | an instruction that the lock is told of | `_Py_Ticker` counts them |
//! | switch point, checkpoint | where a thread could drop the lock; one where its policy lets it | where the eval breaker is read |
//! | hand-off | which thread has a dropped lock next | `FORCE_SWITCHING` is one |
//! | fork server | a process of one thread that forks all others | `forkserver`, zygote |
//! | preforked | forked before it was asked for | |
//! | reap | collect a dead process, so that it is no zombie | `waitpid` |
//! | deadlock guard | what tells a thread that it would wait for a job that only it can run | |
//! | frame | in `process`: one message with its length in front; in `vm` and `python`: a call | |
//! | segment | memory beside a worker's pipes, in which long bodies lie | shared memory, out-of-band buffers |
//! | promise | the side that sets a future's result | CPython's future has both sides |
//! | lane | in `compare`: a thread, task or worker that takes one job after another; in pictures: the row that is drawn for one | |
//! | turn | in `loop step`: an iteration; in a process pool: what one of its threads does next | |
//!
//! # Unsafe
//!
//! In this library `unsafe` is denied outside these files. Every block says why it is sound.
//!
//! | file | why it is sound, in a line | tests that would notice | under Miri |
//! | --- | --- | --- | --- |
//! | `sys/fd.rs` | system calls on descriptors and buffers that are borrowed for the call | `process_pool`, `aio_fds` | no |
//! | `sys/socket.rs` | the same; a received descriptor is owned at once | `fork_server`, `processes` | no |
//! | `sys/futex.rs` | the word is borrowed for the call, and the kernel writes nothing | `event_loop`, `selector_sleep` | yes |
//! | `sys/process.rs` | `fork` in a process of one thread, into which nothing unwinds | `fork_server`, `crash_matrix` | no |
//! | `sys/child.rs` | calls on numbers and on sets that are locals; closes what its caller has promised not to use | `fork_server`, `process_pool` | no |
//! | `sys/pidfd.rs` | calls on descriptors that are borrowed for the call | `process_pool`, `crash_matrix` | no |
//! | `sys/generation.rs` | a page that is never unmapped, reached as atomics | `forked_copies` | no |
//! | `sys/usage.rs` | structures of plain integers that the kernel fills in | `compare_cli` | no |
//! | `sys/signal.rs` | the handler swaps atomics and writes a descriptor, no more | `aio_signals`, `loom_loop` | no |
//! | `sys/memory.rs` | pages are mapped and unmapped by their one owner; what processes share is reached as atomics | `arena`, `process_pool` | yes |
//! | `task/arena.rs` | a block belongs to one size, one thread and one taker | `arena`, `task_soundness` | yes |
//! | `task/cell.rs` | a pointer counts as an owner; a running task is not entered again | `task_soundness`, `task_state` | yes |
//! | `event_loop/waker.rs` | the data pointer is a number and never followed | `event_loop` | yes |
//! | `selector/polling.rs` | a source is forgotten before its descriptor is closed | `backend_diff`, `registry` | no |
//! | `gil/lock/cell.rs` | only a token of the same lock opens the cell, and a switch wants `&mut` of it | `gil_lock`, `gil_channel` | no |
//! | `process/message/call.rs` | an address comes from our own pipe and is checked against our own text | `frames`, `process_pool` | no |
#![deny(unsafe_code)]

pub mod aio;
pub mod base;
pub mod event_loop;
pub mod futures;
pub mod gil;
pub mod interop;
#[cfg(feature = "cli")]
pub mod lab;
pub mod process;
#[cfg(feature = "python")]
pub mod python;
pub mod selector;
pub mod sim;
pub mod sys;
pub mod task;
pub mod vm;

/// The README's code runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

#[doc = include_str!("tricks.md")]
pub mod tricks {}

#[doc = include_str!("journeys.md")]
pub mod journeys {}

pub use aio::run::run;
pub use event_loop::lifecycle::EventLoop;
pub use event_loop::scheduler::create_task;
pub use task::budget::yield_now;
