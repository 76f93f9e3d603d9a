import datetime
from datetime import timedelta

d = datetime.datetime(2024, 2, 28, 23, 59, 58, 250)
print(d, repr(d), d.isoformat(), d.isoformat(sep=" "), d.weekday(), d.isoweekday())
for format in ("%Y-%m-%d %H:%M:%S.%f", "%d.%m.%y %I:%M %p", "%A %a %B %b %j", "100%%", "%F %T", "%c", "%D %R"):
    print(d.strftime(format))
print(d + timedelta(seconds=2), d + timedelta(days=1, seconds=2), d - timedelta(weeks=9, hours=1))
later = datetime.datetime(2024, 3, 1)
gap = later - d
print(gap, repr(gap), gap.total_seconds(), gap.days, gap.seconds, gap.microseconds)
print(d - later, (d - later).total_seconds(), -gap == d - later, later > d, later <= d, d == d.replace())
print(timedelta(days=1.5), timedelta(milliseconds=1500), timedelta(minutes=90) / 2, timedelta(hours=1) * 3)
print(timedelta(hours=3) / timedelta(minutes=30), timedelta(hours=3) // timedelta(minutes=50), timedelta(0))
print(bool(timedelta(0)), timedelta(1) + timedelta(hours=5), timedelta(days=2) - timedelta(seconds=1), 2 * timedelta(1))
print(repr(timedelta(0)), repr(timedelta(days=-1, microseconds=5)), timedelta(1) < timedelta(2), str(timedelta(1)))
for year, month, day in ((1900, 3, 1), (2000, 2, 29), (1, 1, 1), (9999, 12, 31), (1970, 1, 1)):
    at = datetime.datetime(year, month, day)
    print(at, at.weekday(), at.strftime("%j"), at - datetime.datetime(1970, 1, 1))
print(datetime.datetime(2023, 12, 31) + timedelta(1), datetime.datetime(2023, 5, 1).replace(day=9, hour=3))
print(datetime.datetime.fromtimestamp(datetime.datetime(2024, 5, 6, 7, 8, 9).timestamp()))
for wrong in ((2023, 2, 29), (2023, 13, 1), (0, 1, 1), (2023, 1, 1, 24)):
    try:
        datetime.datetime(wrong[0], wrong[1], wrong[2], wrong[3] if len(wrong) > 3 else 0)
    except ValueError as e:
        print(e)
try:
    d + 1
except TypeError as e:
    print(e)
try:
    d < 1
except TypeError as e:
    print(e)
try:
    datetime.datetime(9999, 12, 31) + timedelta(1)
except OverflowError as e:
    print(e)
before = datetime.datetime.now()
after = datetime.datetime.now()
print(after >= before, (after - before).total_seconds() < 60, f"{d:%Y}" if False else str(d)[:4])
