# A server and its clients on the loopback interface: streams of asyncio.
import asyncio


async def handle(reader, writer):
    while True:
        line = await reader.readline()
        if not line:
            break
        words = line.decode().split()
        if words[0] == 'ADD':
            answer = str(sum(int(word) for word in words[1:]))
        elif words[0] == 'UPPER':
            answer = ' '.join(words[1:]).upper()
        elif words[0] == 'LONG':
            answer = 'x' * int(words[1])
        elif words[0] == 'BYE':
            break
        else:
            answer = 'what?'
        writer.write(answer.encode() + b'\n')
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def ask(port, *lines):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    answers = []
    for line in lines:
        writer.write(line.encode() + b'\n')
        await writer.drain()
        answers.append((await reader.readline()).decode().rstrip('\n'))
    writer.close()
    await writer.wait_closed()
    return answers


async def main():
    server = await asyncio.start_server(handle, '127.0.0.1', 0)
    host, port = server.sockets[0].getsockname()
    print(host, port > 0, server.is_serving())
    async with server:
        print(await ask(port, 'ADD 1 2 3', 'UPPER hello there', 'nonsense'))
        print(await asyncio.gather(*[ask(port, f'ADD {n} {n}', f'UPPER client {n}') for n in range(5)]))
        reader, writer = await asyncio.open_connection('localhost', port)
        print(writer.get_extra_info('peername')[1] == port, writer.is_closing())
        writer.writelines([b'ADD 1 ', b'1\nBY', b'E\n'])
        print(await reader.read())
        print(reader.at_eof(), await reader.read(), await reader.readline())
        writer.close()
        await writer.wait_closed()
        print(len((await ask(port, 'LONG 50000'))[0]))
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(b'UPPER abcdef\n')
        print(await reader.readexactly(3), await reader.readuntil(b'E'), await reader.read(1))
        writer.write_eof()
        try:
            await reader.readexactly(100)
        except asyncio.IncompleteReadError as e:
            print(e.partial, e.expected)
        writer.close()
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(b'ADD 1\nADD 2\nADD 3\nBYE\n')
        async for line in reader:
            print(line)
        writer.close()
        task = asyncio.create_task(reader.read())
        print(await task)
    print(server.is_serving())
    try:
        await asyncio.open_connection('127.0.0.1', port)
    except ConnectionRefusedError as e:
        print('refused')
    try:
        await asyncio.wait_for(serve(), 0.2)
    except TimeoutError:
        print('served long enough')


async def serve():
    server = await asyncio.start_server(handle, '127.0.0.1', 0)
    async with server:
        await server.serve_forever()


asyncio.run(main())
