def lines(size):
    out = []
    for i in range(size):
        out.append("%d: %s" % (i % 100, "spam"))
        out.append("{} {}".format(i % 100, i % 7))
    return "\n".join(out)


def words(text):
    count = {}
    for line in text.split("\n"):
        for word in line.split():
            word = word.strip(":").upper()
            count[word] = count.get(word, 0) + 1
    return count


text = lines(10000)
assert words(text)["SPAM"] == 10000
letters = 0
for letter in text:
    if letter == "s":
        letters += 1
assert letters == 10000
