# How do I keep values of my own in a format of my own?
#
#     python3 examples/14_own_type.py
import json
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from hotload import IngredientTypeSpec, Plant, ReactorFunc


class JsonSpec(IngredientTypeSpec):
    @classmethod
    def get_name(cls):
        return 'json'

    def store(self, warehouse, name, value):
        with open(os.path.join(warehouse.baseDir, name + '.json'), 'w') as stream:
            json.dump(value, stream)

    def fetch(self, warehouse, name, meta):
        with open(os.path.join(warehouse.baseDir, name + '.json')) as stream:
            return json.load(stream)


@ReactorFunc
def show(pipe):
    pipe.send('table', {'width': [1, 2, 3]}, JsonSpec)
    table = yield pipe.receive('table')         # as another reactor would
    print(sum(table['width']))


with Plant(tempfile.mkdtemp()) as plant:
    plant.warehouse.register_ingredient_specs([JsonSpec()])
    plant.run_reactor(show)

# Output:
# 6
