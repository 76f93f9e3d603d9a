def careful(turns):
    caught = 0
    for i in range(turns):
        try:
            if i % 10 == 0:
                raise ValueError(i)
        except ValueError:
            caught += 1
    return caught


assert careful(50000) == 5000
