import math
from abc import ABC, abstractmethod

class Shape(ABC):
    count = 0

    def __init__(self, name):
        self.name = name
        Shape.count += 1

    @abstractmethod
    def area(self):
        raise NotImplementedError

    def __str__(self):
        return f"{self.__class__.__name__} {self.name} of area {self.area():.2f}"

    def __lt__(self, other):
        return self.area() < other.area()

    def __eq__(self, other):
        if not isinstance(other, Shape):
            return NotImplemented
        return math.isclose(self.area(), other.area())

    def __hash__(self):
        return hash(self.name)

class Circle(Shape):
    def __init__(self, name, radius):
        super().__init__(name)
        self.radius = radius

    def area(self):
        return math.pi * self.radius ** 2

    @property
    def diameter(self):
        return 2 * self.radius

class Rectangle(Shape):
    def __init__(self, name, w, h):
        super().__init__(name)
        self.w, self.h = w, h

    def area(self):
        return self.w * self.h

class Square(Rectangle):
    def __init__(self, name, side):
        super().__init__(name, side, side)

    def __repr__(self):
        return "Square(%r, %r)" % (self.name, self.w)

shapes = [Circle("c", 1.5), Rectangle("r", 2, 3), Square("s", 2)]
for s in sorted(shapes):
    print(s)
print(max(shapes).name, min(shapes), Shape.count)
print([type(s).__name__ for s in shapes], [isinstance(s, Rectangle) for s in shapes])
print(shapes[0].diameter, Square("t", 2) == shapes[2], Square("u", 3) == "x", shapes[2] != 4)
print(repr(shapes[2]), issubclass(Square, Shape), Square.__mro__[1].__name__ if hasattr(Square, "__mro__") else "Rectangle")
try:
    Shape("x").area()
except TypeError as e:
    print("TypeError")
total = sum(s.area() for s in shapes)
print(f"{total:.3f} {total:10.1f}| {total:<10.1f}| {total:^10.1f}| {total:+.2e} {int(total):,} {total:g}")
print(Circle.area(shapes[0]) == shapes[0].area(), callable(shapes[0].area), hasattr(Circle, "diameter"))
print({s: s.name for s in shapes}[shapes[0]], len({shapes[0], shapes[0]}))
