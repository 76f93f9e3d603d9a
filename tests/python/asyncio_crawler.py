# A crawler: pages link to pages, workers take them from a queue, and each host is asked by two at a
# time. Written against a network that is a dict.
import asyncio
import random
import time
from collections import defaultdict

HOSTS = ['a.example', 'b.example', 'c.example']


def site(hosts, depth):
    """Every page links to two pages of its own host and to one of the next."""
    pages = {}
    for number, host in enumerate(hosts):
        following = hosts[(number + 1) % len(hosts)]
        for page in range(2 ** depth - 1):
            links = []
            for child in (2 * page + 1, 2 * page + 2):
                if child < 2 ** depth - 1:
                    links.append(f'{host}/{child}')
            links.append(f'{following}/{page}')
            if page % 5 == 4:
                links.append(f'{host}/missing{page}')
            pages[f'{host}/{page}'] = links
    return pages


class FetchError(Exception):
    def __init__(self, url, status):
        super().__init__(f'{url}: {status}')
        self.url = url
        self.status = status


class Network:
    def __init__(self, pages):
        self.pages = pages
        self.active = defaultdict(int)
        self.most = defaultdict(int)
        self.requests = 0

    async def fetch(self, url):
        host, _, = url.split('/')
        self.requests += 1
        self.active[host] += 1
        self.most[host] = max(self.most[host], self.active[host])
        try:
            await asyncio.sleep(random.random() / 1000)
            if url not in self.pages:
                raise FetchError(url, 404)
            return self.pages[url]
        finally:
            self.active[host] -= 1


class Crawler:
    def __init__(self, network, workers=4, per_host=2, limit=None):
        self.network = network
        self.workers = workers
        self.limit = limit
        self.queue = asyncio.Queue()
        self.slots = {host: asyncio.Semaphore(per_host) for host in HOSTS}
        self.seen = set()
        self.done = {}
        self.errors = []
        self.by_worker = defaultdict(int)

    def add(self, url):
        if url not in self.seen and (self.limit is None or len(self.seen) < self.limit):
            self.seen.add(url)
            self.queue.put_nowait(url)

    async def visit(self, url):
        host = url.split('/')[0]
        async with self.slots[host]:
            try:
                async with asyncio.timeout(5):
                    links = await self.network.fetch(url)
            except FetchError as e:
                self.errors.append(str(e))
                return
        self.done[url] = len(links)
        for link in links:
            self.add(link)

    async def worker(self, name):
        try:
            while True:
                url = await self.queue.get()
                try:
                    await self.visit(url)
                    self.by_worker[name] += 1
                finally:
                    self.queue.task_done()
        except asyncio.CancelledError:
            self.by_worker[name] += 0
            raise

    async def crawl(self, *roots):
        for root in roots:
            self.add(root)
        tasks = [asyncio.create_task(self.worker(f'worker {n}')) for n in range(self.workers)]
        await self.queue.join()
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        return [type(each).__name__ for each in ended]


class Progress:
    """Counts how often it was looked at, beside the crawler."""
    def __init__(self, crawler):
        self.crawler = crawler
        self.looks = 0

    async def __aenter__(self):
        self.task = asyncio.create_task(self.watch())
        return self

    async def __aexit__(self, kind, error, trace):
        self.task.cancel()
        await asyncio.wait([self.task])

    async def watch(self):
        while True:
            self.looks += 1
            await asyncio.sleep(0.001)


async def main():
    pages = site(HOSTS, 5)
    network = Network(pages)
    crawler = Crawler(network)
    began = time.perf_counter()
    async with Progress(crawler) as progress:
        ended = await crawler.crawl('a.example/0')
    took = time.perf_counter() - began
    print(len(pages), len(crawler.done), sorted(crawler.errors)[:3], len(crawler.errors))
    print(sorted(crawler.done) == sorted(pages), sum(crawler.done.values()), ended)
    print(network.requests, sorted(crawler.by_worker), sum(crawler.by_worker.values()))
    print(sorted(network.most.items()), max(network.most.values()) <= 2)
    print(took > 0, progress.looks > 1, progress.task.cancelled(), crawler.queue.empty())
    limited = Crawler(Network(pages), workers=2, limit=10)
    await limited.crawl('b.example/0', 'c.example/0')
    print(len(limited.done) + len(limited.errors), limited.network.requests)
    try:
        async with asyncio.TaskGroup() as group:
            for host in HOSTS:
                group.create_task(Network({}).fetch(f'{host}/0'))
    except ExceptionGroup as e:
        print(e.message, len(e.exceptions) >= 1, e.exceptions[0].status)


asyncio.run(main())
