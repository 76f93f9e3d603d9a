# datetime: a point of local time, and a difference of two, both as whole microseconds.
import time

MINYEAR = 1
MAXYEAR = 9999

_DAY = 86400 * 1000000
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December"
)

def _is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)

def _days_in_month(year, month):
    if month == 2:
        return 29 if _is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31

# Days since the first day of the year 1.
def _days_before(year, month):
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400
    for earlier in range(1, month):
        days += _days_in_month(year, earlier)
    return days

def _civil(days):
    year = days * 400 // 146097 + 1
    while _days_before(year, 1) > days:
        year -= 1
    while _days_before(year + 1, 1) <= days:
        year += 1
    month = 1
    while month < 12 and _days_before(year, month + 1) <= days:
        month += 1
    return year, month, days - _days_before(year, month) + 1

class timedelta:
    def __init__(
        self, days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0
    ):
        whole = (days + 7 * weeks) * 86400 + hours * 3600 + minutes * 60 + seconds
        self._set(round(whole * 1000000 + milliseconds * 1000 + microseconds))

    def _set(self, count):
        self._count = count
        self.days = count // _DAY
        self.seconds = count % _DAY // 1000000
        self.microseconds = count % 1000000

    def total_seconds(self):
        return self._count / 1000000

    def __repr__(self):
        parts = []
        for name in ("days", "seconds", "microseconds"):
            if getattr(self, name):
                parts.append("%s=%d" % (name, getattr(self, name)))
        return "datetime.timedelta(" + (", ".join(parts) or "0") + ")"

    def __str__(self):
        text = "%d:%02d:%02d" % (self.seconds // 3600, self.seconds // 60 % 60, self.seconds % 60)
        if self.days:
            text = "%d day%s, %s" % (self.days, "" if abs(self.days) == 1 else "s", text)
        if self.microseconds:
            text = text + ".%06d" % self.microseconds
        return text

    def __bool__(self):
        return self._count != 0

    def __eq__(self, other):
        return isinstance(other, timedelta) and self._count == other._count

    def __lt__(self, other):
        return self._count < _counted(other, "<", self)

    def __le__(self, other):
        return self._count <= _counted(other, "<=", self)

    def __gt__(self, other):
        return self._count > _counted(other, ">", self)

    def __ge__(self, other):
        return self._count >= _counted(other, ">=", self)

    def __neg__(self):
        return _delta(-self._count)

    def __add__(self, other):
        if isinstance(other, datetime):
            return other + self
        return _delta(self._count + _counted(other, "+", self))

    def __sub__(self, other):
        return _delta(self._count - _counted(other, "-", self))

    def __mul__(self, by):
        return _delta(round(self._count * by))

    def __rmul__(self, by):
        return self * by

    def __truediv__(self, by):
        if isinstance(by, timedelta):
            return self._count / by._count
        return _delta(round(self._count / by))

    def __floordiv__(self, by):
        if isinstance(by, timedelta):
            return self._count // by._count
        return _delta(self._count // by)

def _counted(other, operator, left):
    if not isinstance(other, timedelta):
        names = (operator, "datetime." + type(left).__name__, type(other).__name__)
        if operator in ("+", "-"):
            raise TypeError("unsupported operand type(s) for %s: '%s' and '%s'" % names)
        names = (operator, names[1], names[2])
        raise TypeError("'%s' not supported between instances of '%s' and '%s'" % names)
    return other._count

def _delta(count):
    made = timedelta()
    made._set(count)
    return made

class datetime:
    def __init__(self, year, month, day, hour=0, minute=0, second=0, microsecond=0):
        if not MINYEAR <= year <= MAXYEAR:
            raise ValueError("year %d is out of range" % year)
        if not 1 <= month <= 12:
            raise ValueError("month must be in 1..12")
        if not 1 <= day <= _days_in_month(year, month):
            raise ValueError("day is out of range for month")
        if not 0 <= hour < 24:
            raise ValueError("hour must be in 0..23")
        if not 0 <= minute < 60:
            raise ValueError("minute must be in 0..59")
        if not 0 <= second < 60:
            raise ValueError("second must be in 0..59")
        if not 0 <= microsecond < 1000000:
            raise ValueError("microsecond must be in 0..999999")
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
        self.microsecond = microsecond
        days = _days_before(year, month) + day - 1
        seconds = days * 86400 + hour * 3600 + minute * 60 + second
        self._count = seconds * 1000000 + microsecond

    # Called of the class, not of an instance.
    def now():
        return datetime.fromtimestamp(time.time())

    def today():
        return datetime.now()

    def fromtimestamp(timestamp):
        offset = _utc_offset(timestamp)
        return _point((_days_before(1970, 1) * 86400 + offset) * 1000000 + round(timestamp * 1000000))

    def timestamp(self):
        count = self._count - _days_before(1970, 1) * _DAY
        return (count - _utc_offset(count / 1000000) * 1000000) / 1000000

    def weekday(self):
        return self._count // _DAY % 7

    def isoweekday(self):
        return self.weekday() + 1

    def isoformat(self, sep="T"):
        text = "%04d-%02d-%02d%s%02d:%02d:%02d" % (
            self.year, self.month, self.day, sep, self.hour, self.minute, self.second
        )
        return text + ".%06d" % self.microsecond if self.microsecond else text

    def strftime(self, format):
        out = ""
        directive = False
        for letter in format:
            if directive:
                out += self._directive(letter)
                directive = False
            elif letter == "%":
                directive = True
            else:
                out += letter
        return out + "%" if directive else out

    def _directive(self, letter):
        hour = self.hour % 12 or 12
        day = _DAYS[self.weekday()]
        month = _MONTHS[self.month - 1]
        numbers = {
            "d": self.day, "m": self.month, "H": self.hour, "M": self.minute, "S": self.second,
            "I": hour, "y": self.year % 100
        }
        texts = {
            "Y": "%d" % self.year, "f": "%06d" % self.microsecond, "A": day, "a": day[:3],
            "B": month, "b": month[:3], "p": "AM" if self.hour < 12 else "PM", "%": "%",
            "j": "%03d" % (self._count // _DAY - _days_before(self.year, 1) + 1)
        }
        if letter in numbers:
            return "%02d" % numbers[letter]
        if letter in texts:
            return texts[letter]
        if letter == "T" or letter == "X":
            return self.strftime("%H:%M:%S")
        if letter == "D" or letter == "x":
            return self.strftime("%m/%d/%y")
        if letter == "F":
            return self.strftime("%Y-%m-%d")
        if letter == "R":
            return self.strftime("%H:%M")
        if letter == "c":
            return self.strftime("%a %b ") + "%2d" % self.day + self.strftime(" %H:%M:%S %Y")
        if letter == "w":
            return "%d" % (self.isoweekday() % 7)
        if letter == "Z" or letter == "z":
            return ""
        raise ValueError("strftime with %" + letter + " is not in the subset: format the fields")

    def replace(self, year=None, month=None, day=None, hour=None, minute=None, second=None, microsecond=None):
        return datetime(
            self.year if year is None else year, self.month if month is None else month,
            self.day if day is None else day, self.hour if hour is None else hour,
            self.minute if minute is None else minute, self.second if second is None else second,
            self.microsecond if microsecond is None else microsecond
        )

    def __repr__(self):
        fields = [self.year, self.month, self.day, self.hour, self.minute]
        if self.second or self.microsecond:
            fields.append(self.second)
        if self.microsecond:
            fields.append(self.microsecond)
        return "datetime.datetime(" + ", ".join([str(field) for field in fields]) + ")"

    def __str__(self):
        return self.isoformat(" ")

    def __eq__(self, other):
        return isinstance(other, datetime) and self._count == other._count

    def __lt__(self, other):
        return self._count < _point_of(other, "<")

    def __le__(self, other):
        return self._count <= _point_of(other, "<=")

    def __gt__(self, other):
        return self._count > _point_of(other, ">")

    def __ge__(self, other):
        return self._count >= _point_of(other, ">=")

    def __add__(self, other):
        return _point(self._count + _counted(other, "+", self))

    def __sub__(self, other):
        if isinstance(other, datetime):
            return _delta(self._count - other._count)
        return _point(self._count - _counted(other, "-", self))

def _point_of(other, operator):
    if not isinstance(other, datetime):
        name = type(other).__name__
        text = "'%s' not supported between instances of 'datetime.datetime' and '%s'"
        raise TypeError(text % (operator, name))
    return other._count

def _point(count):
    if not 0 <= count < _days_before(MAXYEAR + 1, 1) * _DAY:
        raise OverflowError("date value out of range")
    year, month, day = _civil(count // _DAY)
    rest = count % _DAY // 1000000
    return datetime(year, month, day, rest // 3600, rest // 60 % 60, rest % 60, count % 1000000)
