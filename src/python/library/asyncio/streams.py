# Streams. A connection is a socket in a real run; else it is a pair in the world, and no clock and no
# network take part.
class IncompleteReadError(EOFError):
    def __init__(self, partial, expected):
        count = 'undefined' if expected is None else expected
        super().__init__(f'{len(partial)} bytes read on a total of {count} expected bytes')
        self.partial = partial
        self.expected = expected

class LimitOverrunError(Exception):
    def __init__(self, message, consumed):
        super().__init__(message)
        self.consumed = consumed

class StreamReader:
    def __init__(self, limit=65536):
        self._limit = limit
        # What was taken already stays until all is, so that the rest is not copied each time.
        self._buffer = b''
        self._taken = 0
        self._eof = False
        self._error = None
        self._waiter = None

    def feed_data(self, data):
        self._buffer = self._buffer[self._taken:] + data if self._left() else data
        self._taken = 0
        self._wake()

    def feed_eof(self):
        self._eof = True
        self._wake()

    def set_exception(self, error):
        self._error = error
        self._wake()

    def exception(self):
        return self._error

    def at_eof(self):
        return self._eof and not self._left()

    def _left(self):
        return len(self._buffer) - self._taken

    def _wake(self):
        if self._waiter is not None:
            _settle(self._waiter, None)
            self._waiter = None

    async def _more(self, name):
        if self._waiter is not None:
            raise RuntimeError(name + '() called while another coroutine is already waiting for incoming data')
        self._waiter = get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._error is not None:
            raise self._error

    def _take(self, count):
        data = self._buffer[self._taken:self._taken + count]
        self._taken += len(data)
        return data

    async def read(self, n=-1):
        if self._error is not None:
            raise self._error
        if n < 0:
            while not self._eof:
                await self._more('read')
            return self._take(self._left())
        if n > 0 and not self._left() and not self._eof:
            await self._more('read')
        return self._take(n)

    async def readexactly(self, n):
        if n < 0:
            raise ValueError('readexactly size can not be less than zero')
        if self._error is not None:
            raise self._error
        while self._left() < n:
            if self._eof:
                raise IncompleteReadError(self._take(self._left()), n)
            await self._more('readexactly')
        return self._take(n)

    async def readuntil(self, separator=b'\n'):
        if self._error is not None:
            raise self._error
        while True:
            at = self._buffer.find(separator, self._taken)
            if at >= 0:
                return self._take(at - self._taken + len(separator))
            if self._left() > self._limit:
                raise LimitOverrunError('Separator is not found, and chunk exceed the limit', self._left())
            if self._eof:
                raise IncompleteReadError(self._take(self._left()), None)
            await self._more('readuntil')

    async def readline(self):
        try:
            return await self.readuntil(b'\n')
        except IncompleteReadError as error:
            return error.partial
        except LimitOverrunError as error:
            self._take(self._left())
            raise ValueError(error.args[0])

    def __aiter__(self):
        return self

    async def __anext__(self):
        line = await self.readline()
        if line == b'':
            raise StopAsyncIteration()
        return line

class StreamWriter:
    def __init__(self, transport, reader):
        self.transport = transport
        self._reader = reader

    def write(self, data):
        self.transport.write(data)

    def writelines(self, data):
        self.transport.write(b''.join(data))

    def write_eof(self):
        self.transport.write_eof()

    def can_write_eof(self):
        return True

    def close(self):
        self.transport.close()

    def is_closing(self):
        return self.transport.is_closing()

    async def wait_closed(self):
        await shield(self.transport.lost)

    def get_extra_info(self, name, default=None):
        return self.transport.get_extra_info(name, default)

    async def drain(self):
        if self._reader.exception() is not None:
            raise self._reader.exception()
        if self.transport.lost.done():
            raise ConnectionResetError('Connection lost')
        if self.transport.is_closing():
            await sleep(0)
        await self.transport.drain()

class _Transport:
    def __init__(self, loop, names):
        self.loop = loop
        self.names = names
        self.reader = StreamReader()
        self.lost = loop.create_future()
        self.closing = False
        self.ended = False
        self.server = None

    def get_extra_info(self, name, default=None):
        if name == 'sockname':
            return self.names[0]
        if name == 'peername':
            return self.names[1]
        return default

    def is_closing(self):
        return self.closing

    def write(self, data):
        if not isinstance(data, bytes):
            raise TypeError('data argument must be a bytes-like object, not ' + repr(type(data).__name__))
        if self.ended:
            raise RuntimeError('Cannot call write() after write_eof()')
        if data and not self.closing:
            self.send(data)

    def write_eof(self):
        if not self.closing and not self.ended:
            self.ended = True
            self.end()

    def close(self):
        if not self.closing:
            self.closing = True
            self.finish()

    def happened(self, what, value):
        if what == 'data':
            self.reader.feed_data(value)
        elif what == 'eof':
            self.reader.feed_eof()
        elif what == 'lost' and not self.lost.done():
            self.closing = True
            if value is not None:
                self.reader.set_exception(ConnectionResetError(value))
            self.reader.feed_eof()
            self.lost.set_result(None)
            if self.server is not None:
                self.server.detach(self)

# In the world.
class _Pipe(_Transport):
    def send(self, data):
        self.loop.call_soon(self.peer.happened, 'data', data)

    def end(self):
        self.loop.call_soon(self.peer.happened, 'eof', None)

    def finish(self):
        if not self.ended:
            self.end()
        self.loop.call_soon(self.happened, 'lost', None)

    async def drain(self):
        pass

# In a real run.
class _Socket(_Transport):
    def __init__(self, loop, names, number):
        super().__init__(loop, names)
        self.number = number
        self.unsent = 0
        self.drained = None
        _sockets[number] = self

    def send(self, data):
        self.unsent += len(data)
        _asyncio_socket(self.number, 'send', data)

    def end(self):
        _asyncio_socket(self.number, 'end')

    def finish(self):
        _asyncio_socket(self.number, 'close')

    async def drain(self):
        if self.unsent > 65536 and not self.closing:
            if self.drained is None:
                self.drained = self.loop.create_future()
                _asyncio_socket(self.number, 'drain')
            await shield(self.drained)

    def happened(self, what, value):
        if self.drained is not None and (what == 'drained' or what == 'lost'):
            self.unsent = 0
            _settle(self.drained, None)
            self.drained = None
        super().happened(what, value)
        if what == 'lost':
            _sockets.pop(self.number, None)

_sockets = {}
_ports = {}

def _socket_event(number, what, value):
    if number in _sockets:
        _sockets[number].happened(what, value)

# What is being made: what happens first says how it went.
class _Opening:
    def __init__(self, loop, number):
        self.future = loop.create_future()
        self.number = number
        _sockets[number] = self

    def happened(self, what, value):
        _sockets.pop(self.number, None)
        if what == 'failed':
            self.future.set_exception(_asyncio_os_error(value[0], value[1]))
        elif not self.future.done():
            self.future.set_result(value)

async def open_connection(host=None, port=None, *, limit=65536):
    loop = get_running_loop()
    if _asyncio_is_real():
        number = _asyncio_socket(None, 'connect', host, port)
        names = await _Opening(loop, number).future
        transport = _Socket(loop, names, number)
    else:
        await sleep(0)
        if port not in _ports:
            text = f"Connect call failed ('{_address(host)}', {port})"
            raise _asyncio_os_error('ConnectionRefusedError', '[Errno 111] ' + text)
        server = _ports[port]
        _ports[0] = _ports.get(0, 40000) + 1
        names = ((_address(host), _ports[0]), server.sockets[0].getsockname())
        transport = _Pipe(loop, names)
        other = _Pipe(loop, (names[1], names[0]))
        transport.peer = other
        other.peer = transport
        loop.call_soon(server.accepted, other)
    transport.reader._limit = limit
    return transport.reader, StreamWriter(transport, transport.reader)

def _address(host):
    return '127.0.0.1' if host is None or host == 'localhost' or host == '' else host

class _Name:
    def __init__(self, name):
        self._name = name

    def getsockname(self):
        return self._name

class Server:
    def __init__(self, loop, callback, limit):
        self.sockets = ()
        self._loop = loop
        self._callback = callback
        self._limit = limit
        self._number = None
        self._connections = []
        self._waiters = []
        self._serving = None
        self._closed = False

    def happened(self, what, value):
        if what == 'accepted':
            self.accepted(_Socket(self._loop, (value[1], value[2]), value[0]))

    def accepted(self, transport):
        if self._closed:
            transport.close()
            return
        transport.server = self
        transport.reader._limit = self._limit
        self._connections.append(transport)
        writer = StreamWriter(transport, transport.reader)
        made = self._callback(transport.reader, writer)
        if iscoroutine(made):
            task = self._loop.create_task(made)
            def done(task):
                if not task.cancelled() and task.exception() is not None:
                    _asyncio_complain('Unhandled exception in client_connected_cb', task.exception())
                    transport.close()
            task.add_done_callback(done)

    def detach(self, transport):
        self._connections.remove(transport)
        self._look()

    def _look(self):
        if self._closed and not self._connections:
            for waiter in self._waiters:
                _settle(waiter, None)

    def get_loop(self):
        return self._loop

    def is_serving(self):
        return not self._closed

    async def start_serving(self):
        await sleep(0)

    async def serve_forever(self):
        if self._closed:
            raise RuntimeError('server ' + repr(self) + ' is closed')
        self._serving = self._loop.create_future()
        try:
            await self._serving
        except CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._serving = None

    def close(self):
        if self._closed:
            return
        self._closed = True
        if self._number is None:
            _ports.pop(self.sockets[0].getsockname()[1], None)
        else:
            _asyncio_socket(self._number, 'unlisten')
            _sockets.pop(self._number, None)
        self.sockets = ()
        if self._serving is not None and not self._serving.done():
            self._serving.cancel()
        self._look()

    async def wait_closed(self):
        if not self._closed or self._connections:
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, trace):
        self.close()
        await self.wait_closed()

async def start_server(client_connected_cb, host=None, port=None, *, limit=65536):
    loop = get_running_loop()
    server = Server(loop, client_connected_cb, limit)
    port = 0 if port is None else port
    if _asyncio_is_real():
        number = _asyncio_socket(None, 'listen', host, port)
        name = await _Opening(loop, number).future
        server._number = number
        _sockets[number] = server
    else:
        if port == 0:
            port = 50000
            while port in _ports:
                port += 1
        if port in _ports:
            text = f"error while attempting to bind on address ('{_address(host)}', {port}): address already in use"
            raise _asyncio_os_error('OSError', '[Errno 98] ' + text)
        name = (_address(host), port)
        _ports[port] = server
    server.sockets = (_Name(name),)
    return server


