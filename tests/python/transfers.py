"""A bank with accounts, locks and exceptions."""
import threading
from typing import Dict, List, Optional


class InsufficientFunds(Exception):
    """Raised when an account has too little money."""

    def __init__(self, account, needed):
        super().__init__(f"{account.owner} needs {needed - account.balance} more")
        self.account = account
        self.needed = needed


class AccountNotFound(LookupError):
    pass


class Account:
    interest = 0.02

    def __init__(self, owner: str, balance: float = 0) -> None:
        self.owner = owner
        self.balance = balance
        self.lock = threading.RLock()
        self.history: List[str] = []

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("amount must be positive, got %d" % amount)
        with self.lock:
            self.balance += amount
            self.history.append("+{}".format(amount))

    def withdraw(self, amount):
        with self.lock:
            if amount > self.balance:
                raise InsufficientFunds(self, amount)
            self.balance -= amount
            self.history.append("-{}".format(amount))

    def __repr__(self):
        return f"Account({self.owner!r}, {self.balance:,})"

    def __lt__(self, other):
        return self.balance < other.balance


class Bank:
    def __init__(self):
        self._accounts: Dict[str, Account] = {}
        self._lock = threading.Lock()

    def open(self, owner, balance=0):
        with self._lock:
            if owner in self._accounts:
                raise KeyError(owner)
            account = Account(owner, balance)
            self._accounts[owner] = account
            return account

    def find(self, owner: str) -> Optional[Account]:
        try:
            return self._accounts[owner]
        except KeyError as e:
            raise AccountNotFound(f"no account for {owner}") from e

    def transfer(self, source, target, amount):
        a, b = self.find(source), self.find(target)
        first, second = sorted([a, b], key=lambda acc: acc.owner)
        with first.lock:
            with second.lock:
                a.withdraw(amount)
                b.deposit(amount)

    def total(self):
        return sum(account.balance for account in self._accounts.values())

    def __len__(self):
        return len(self._accounts)

    def __iter__(self):
        return iter(self._accounts.values())

    def __contains__(self, owner):
        return owner in self._accounts


bank = Bank()
for name, money in [("alice", 100), ("bob", 50), ("carol", 1000)]:
    bank.open(name, money)
print(len(bank), "alice" in bank, "dave" in bank)
print(sorted(bank))
for attempt in [("alice", "bob", 30), ("bob", "carol", 500), ("bob", "dave", 1)]:
    try:
        bank.transfer(*attempt)
    except InsufficientFunds as e:
        print("failed:", e, e.needed, e.account)
    except AccountNotFound as e:
        print(type(e).__name__, e, repr(e.__cause__))
    else:
        print("ok", attempt)
    finally:
        print("total", bank.total())
try:
    bank.open("alice")
except KeyError as e:
    print("KeyError", e, e.args)
try:
    bank.find("bob").deposit(-5)
except ValueError as e:
    print(e)


def worker(source, target, times):
    for i in range(times):
        try:
            bank.transfer(source, target, 1)
        except InsufficientFunds:
            break


threads = []
names = ["alice", "bob", "carol"]
for i in range(len(names)):
    t = threading.Thread(target=worker, args=(names[i], names[(i + 1) % 3], 20))
    threads.append(t)
    t.start()
for t in threads:
    t.join()
print(bank.total())
print([account.balance for account in bank])
print(sorted(bank.find("alice").history)[:3])
