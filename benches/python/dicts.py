def squares(size):
    table = {}
    for i in range(size):
        table[i] = i * i
    return table


def total(table):
    sum_of = 0
    for key in table:
        sum_of += table[key]
    return sum_of


def count(words, turns):
    seen = {}
    for turn in range(turns):
        for word in words:
            seen[word] = seen.get(word, 0) + 1
    return seen


def pairs(table):
    most = 0
    for key, value in table.items():
        if value > most and key in table:
            most = value
    return most


words = ["spam", "egg", "bacon", "ham", "spam", "lobster", "sausage", "spam", "tomato", "egg"]
for turns in range(3):
    table = squares(30000)
    assert total(table) == 8999550005000
    assert pairs(table) == 899940001
    assert count(words, 5000)["spam"] == 15000
