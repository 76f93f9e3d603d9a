# A bank: accounts with locks, transfers in an order that cannot deadlock, an auditor, a report.
import threading
import random
from collections import defaultdict, deque


class InsufficientFunds(Exception):
    def __init__(self, account, wanted):
        super().__init__("{} has {}, and {} was wanted".format(account.name, account.balance, wanted))
        self.account = account
        self.wanted = wanted


class Account:
    def __init__(self, number, name, balance=0):
        self.number = number
        self.name = name
        self.balance = balance
        self.lock = threading.RLock()
        self.history = []

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("a deposit must be positive")
        with self.lock:
            self.balance += amount
            self.history.append(("in", amount))

    def withdraw(self, amount):
        with self.lock:
            if amount > self.balance:
                raise InsufficientFunds(self, amount)
            self.balance -= amount
            self.history.append(("out", amount))

    def __lt__(self, other):
        return self.number < other.number

    def __repr__(self):
        return "<Account {} {!r}: {}>".format(self.number, self.name, self.balance)


class Bank:
    def __init__(self):
        self.accounts = {}
        self.refused = 0
        self.transfers = 0
        self.lock = threading.Lock()
        self.closed = threading.Event()

    def open(self, name, balance):
        with self.lock:
            number = len(self.accounts) + 1
            account = Account(number, name, balance)
            self.accounts[number] = account
            return account

    def transfer(self, source, target, amount):
        if source is target:
            raise ValueError("an account cannot pay itself")
        first, second = (source, target) if source < target else (target, source)
        with first.lock:
            with second.lock:
                source.withdraw(amount)
                target.deposit(amount)
        with self.lock:
            self.transfers += 1

    def total(self):
        numbers = sorted(self.accounts)
        for number in numbers:
            self.accounts[number].lock.acquire()
        try:
            return sum(account.balance for account in self.accounts.values())
        finally:
            for number in reversed(numbers):
                self.accounts[number].lock.release()


class Teller(threading.Thread):
    def __init__(self, bank, number, orders):
        super().__init__(name="Teller-%d" % number)
        self.bank = bank
        self.orders = orders
        self.done = 0
        self.errors = []

    def run(self):
        for source, target, amount in self.orders:
            try:
                self.bank.transfer(source, target, amount)
            except InsufficientFunds as error:
                self.errors.append(error.wanted)
                with self.bank.lock:
                    self.bank.refused += 1
            except ValueError as error:
                self.errors.append(str(error))
            else:
                self.done += 1


def audit(bank, expected, findings):
    while not bank.closed.is_set():
        total = bank.total()
        if total != expected:
            findings.append(total)
        bank.closed.wait(0.001)


def orders_for(accounts, seed, count):
    state = seed
    orders = deque()
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2147483648
        source = accounts[state % len(accounts)]
        target = accounts[(state // 7) % len(accounts)]
        orders.append((source, target, 1 + state % 50))
    return orders


def main():
    bank = Bank()
    names = ["Ada", "Ben", "Cleo", "Dan", "Eve"]
    accounts = [bank.open(name, 1000) for name in names]
    expected = bank.total()
    findings = []
    auditor = threading.Thread(target=audit, args=(bank, expected, findings), daemon=True)
    auditor.start()
    tellers = [Teller(bank, n, orders_for(accounts, n + 1, 60)) for n in range(4)]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join()
    bank.closed.set()
    auditor.join(5)
    print("total", bank.total(), "of", expected, "findings", findings)
    print("transfers", bank.transfers, "done", sum(t.done for t in tellers))
    refused = [e for t in tellers for e in t.errors if isinstance(e, int)]
    selves = [e for t in tellers for e in t.errors if isinstance(e, str)]
    print("refused", bank.refused == len(refused), "to themselves", len(selves), set(selves))
    flows = defaultdict(int)
    for account in accounts:
        for kind, amount in account.history:
            flows[kind] += amount
    print("in equals out:", flows["in"] == flows["out"], sorted(flows))
    print([t.name for t in tellers], auditor.is_alive())
    try:
        bank.transfer(accounts[0], accounts[1], 10**6)
    except InsufficientFunds as error:
        print(type(error).__name__, error.account.name, error.wanted, "wanted" in str(error))
    try:
        accounts[0].deposit(-1)
    except ValueError as error:
        print("ValueError:", error)
    fresh = Account(9, "Zoe", 3)
    print("{}|{who}|{}".format(fresh, fresh.name, who=fresh))
    print(fresh, sorted([fresh, accounts[2], accounts[1]])[0].name)


if __name__ == "__main__":
    main()
