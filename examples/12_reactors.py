# How do I keep slow results until their code changes?
#
#     python3 examples/12_reactors.py
#
# The two reactors are those of PyPlant's README. With a store that stays, a save runs only what changed.
import array
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from hotload import Ingredient, Plant, ReactorFunc


def expensive_operation():
    print("loading")
    return array.array('i', range(5))


@ReactorFunc
def load_data(pipe):
    data = expensive_operation()
    pipe.send('data', data, Ingredient.Type.array)


@ReactorFunc
def plot_data(pipe, config):
    data = yield pipe.receive('data')
    print("plotting %s in %s" % (list(data), config.color))


for color in "red", "blue":
    with Plant(os.path.join(tempfile.gettempdir(), "plant-%d" % os.getpid()), {"color": color}) as plant:
        plant.run_reactor(plot_data)

# Output:
# loading
# plotting [0, 1, 2, 3, 4] in red
# plotting [0, 1, 2, 3, 4] in blue
