"""The telescope of the tutorial: writes star.csv, the light of a star in so many nights (default: 300)."""
import math
import random
import sys


def light(night):
    """(day, light) of the star in this night: a wave with a period of 3.29 days, and noise."""
    chance = random.Random(night)
    day = night + chance.random()
    return day, 10 + 2 * math.sin(2 * math.pi * day / 3.29) + chance.random()


if __name__ == "__main__":
    lines = ["%.3f,%.3f\n" % light(night) for night in range(int(sys.argv[1]) if sys.argv[1:] else 300)]
    with open("star.csv", "w") as stream:
        stream.writelines(lines)
