from dataclasses import dataclass, field
from typing import List
from collections import namedtuple


Point = namedtuple("Point", ["x", "y"])

@dataclass
class Item:
    name: str
    price: float
    quantity: int = 0
    tags: List[str] = field(default_factory=list)

    def total(self) -> float:
        return self.price * self.quantity

@dataclass(order=True)
class Version:
    major: int
    minor: int = 0

items = [Item("hammer", 9.5, 3), Item("nail", 0.05, quantity=1000, tags=["small"])]
for item in items:
    print(item, item.total())
print(items[0] == Item("hammer", 9.5, 3), items[0] != items[1])
print(Version(1, 2) < Version(1, 3), sorted([Version(2), Version(1, 5)]))
p = Point(1, 2)
print(p, p.x, p[1], p + (3,), p._replace(x=5), Point(y=1, x=2), p == (1, 2))
x, y = p
print(x, y)
print(len(p), list(p), p._asdict(), Point._fields)
