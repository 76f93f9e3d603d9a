n = 500000
while n > 0:
    n -= 1
