# Two ways to write the same. Both work because a reload keeps the names that the last run left behind.
import time

import hotload


def expensive(what, value):
    print("computing %s ..." % what)
    time.sleep(0.2)
    return value


# By hand: in the first run the name is not there yet. A misspelt name inside expensive() would go unnoticed.
try:
    table = table
except NameError:
    table = expensive("a table", list(range(10)))

# With persist: only the missing `answer` leads to computing, every other NameError is shown.
answer = hotload.persist(lambda: answer, lambda: expensive("an answer", 42))

print("%d rows, answer %d" % (len(table), answer))
