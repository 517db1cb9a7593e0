import math


def read(path):
    rows = []
    with open(path) as stream:
        for line in stream:
            day, light = line.split(",")
            rows.append((float(day), float(light)))
    return rows


def power(rows, period):
    """How much of a wave of this period is in the light."""
    a = b = 0
    for day, light in rows:
        angle = 2 * math.pi * day / period
        a += (light - 10) * math.cos(angle)
        b += (light - 10) * math.sin(angle)
    return a * a + b * b


def best_period(rows):
    periods = [2 + n / 1000.0 for n in range(8000)]
    return max(periods, key=lambda period: power(rows, period))


rows = read("star.csv")
period = best_period(rows)
print("%d nights, a period of %.2f days" % (len(rows), period))
