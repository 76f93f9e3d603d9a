class Node:
    __slots__ = ("value", "next")
    def __init__(self, value, next=None):
        self.value = value
        self.next = next

class LinkedList:
    def __init__(self, items=()):
        self.head = None
        self.size = 0
        for item in items:
            self.append(item)
    def append(self, value):
        node = Node(value)
        if self.head is None:
            self.head = node
        else:
            current = self.head
            while current.next:
                current = current.next
            current.next = node
        self.size += 1
        return self
    def prepend(self, value):
        self.head = Node(value, self.head)
        self.size += 1
    def __iter__(self):
        node = self.head
        while node is not None:
            yield node.value
            node = node.next
    def __len__(self):
        return self.size
    def __getitem__(self, i):
        if isinstance(i, slice):
            return LinkedList(list(self)[i])
        if i < 0:
            i += len(self)
        if not 0 <= i < len(self):
            raise IndexError("list index out of range")
        for n, v in enumerate(self):
            if n == i:
                return v
    def __contains__(self, v):
        return any(v == x for x in self)
    def __repr__(self):
        return f"{type(self).__name__}({list(self)!r})"
    def __add__(self, other):
        return LinkedList([*self, *other])
    def __eq__(self, other):
        return list(self) == list(other)
    def __reversed__(self):
        return reversed(list(self))
    def __bool__(self):
        return self.size > 0
    def reverse(self):
        prev = None
        node = self.head
        while node:
            node.next, prev, node = prev, node, node.next
        self.head = prev
l = LinkedList([1, 2, 3])
l.append(4).append(5)
l.prepend(0)
print(l, len(l), l[0], l[-1], 3 in l, 9 in l, l[1:3], bool(l), bool(LinkedList()))
l.reverse()
print(l, l + [9], l == [5, 4, 3, 2, 1, 0], list(reversed(l)))
try:
    l[10]
except IndexError as e:
    print(e)
print([x for x in l if x % 2], sum(l), max(l), sorted(l), list(map(str, l)), dict(enumerate(l)), ",".join(map(str, l)))
class BST:
    class _Node:
        def __init__(self, key):
            self.key = key
            self.left = self.right = None
    def __init__(self):
        self.root = None
    def insert(self, key):
        self.root = self._insert(self.root, key)
    def _insert(self, node, key):
        if node is None:
            return BST._Node(key)
        if key < node.key:
            node.left = self._insert(node.left, key)
        elif key > node.key:
            node.right = self._insert(node.right, key)
        return node
    def height(self, node="root"):
        if node == "root":
            node = self.root
        return 0 if node is None else 1 + max(self.height(node.left), self.height(node.right))
    def inorder(self):
        def go(node):
            if node:
                yield from go(node.left)
                yield node.key
                yield from go(node.right)
        return list(go(self.root))
t = BST()
for k in [5, 2, 8, 1, 9, 3]:
    t.insert(k)
print(t.inorder(), t.height())
