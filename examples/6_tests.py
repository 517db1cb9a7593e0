# How do my tests run again on every save, without starting Python and importing everything anew?
#
#     hotload examples/6_tests.py          then break area() and save
#
# The reloaded script is the test runner. A failing test ends a run, not the loop.
import sys
import unittest


def area(width, height):
    return width * height


class TestArea(unittest.TestCase):
    def test_of_a_square(self):
        self.assertEqual(area(3, 3), 9)

    def test_of_nothing(self):
        self.assertEqual(area(0, 3), 0)


if __name__ == "__main__":
    result = unittest.main(exit=False, argv=sys.argv[:1]).result
    print("%d tests, %d failed" % (result.testsRun, len(result.failures) + len(result.errors)))

# Output:
# 2 tests, 0 failed
