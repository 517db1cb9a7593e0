# How do I hand on arrays that are larger than memory? (With numpy: as arrays; without: as slices of bytes.)
#     python3 examples/13_arrays.py
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from hotload import Ingredient, Plant, ReactorFunc

try:
    import numpy
except ImportError:
    numpy = None


@ReactorFunc
def fill(pipe):
    print("filling")
    if numpy:
        pipe.allocate('data', Ingredient.Type.array, shape=(1000, 1000), dtype='u1')[500] = 7
    else:
        pipe.allocate('data', Ingredient.Type.buffer, size=1000 * 1000)[500000:501000] = b'\7' * 1000


@ReactorFunc
def look(pipe):
    data = yield pipe.receive('data')           # mapped into memory: read where it is looked at
    row = data[500] if numpy else data[500000:501000]
    print("row 500 adds up to %d" % sum(bytearray(row)))


for run in 1, 2:
    with Plant(os.path.join(tempfile.gettempdir(), 'plant-%d' % os.getpid())) as plant:
        plant.run_reactor(look)

# Output:
# filling
# row 500 adds up to 7000
# row 500 adds up to 7000
