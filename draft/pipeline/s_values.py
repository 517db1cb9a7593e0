##############################################################################
## 13. Values -- what reactors send, and what is known of their runs
##############################################################################
#
# Gives to those below Warehouse, which turns values into Products (what the store keeps of a value) and back,
# for each Ingredient.Type and the types of the user; and Records, what earlier runs of reactors asked for and
# sent.
#
# Small pickles stand in the record itself. Arrays, buffers, files and what specs write are entries of the
# store, which are mapped into memory or handed out as paths: they may be larger than memory. A value is made
# anew each time it is asked for, so that nobody sees what another did to it. Classes of the script itself are
# kept under the name by which others would import it, and found wherever that file is loaded; Product.refs
# names them all, since a value is another one when its class is.

import mmap

__all__ += ['Ingredient', 'IngredientTypeSpec', 'Warehouse']
SMALL = 1024                # bytes; pickles up to this stand in the record itself
LARGE_ARRAY = 2 ** 20       # bytes; numpy arrays from this on are files of their own, mapped into memory


class Word(str):
    """A constant: equal to its name."""

    name = value = property(str)


def words(text):
    """A class whose attributes are the words."""
    return type('Words', (object,), dict((word, Word(word)) for word in text.split()))


def one_of(name, known):
    """What an error says of names that are there: '; did you mean ...', or a list of some."""
    import difflib
    close = difflib.get_close_matches(str(name), known, 3)
    if close or not known:
        return '; did you mean %s?' % ' or '.join(map(repr, close)) if close else ''
    return '; there are %s' % ', '.join(list(map(repr, known[:8])) + ['...'] * (len(known) > 8))


class Ingredient(object):
    """What is known of an ingredient. name.      type: an Ingredient.Type, or the name of a spec.
    size: bytes. producerName: of the reactor that sent it."""

    Type = words('unknown simple list array object file buffer')

    def __init__(self, name, type=None, size=None, producerName=None):
        self.name, self.type, self.size = name, type or Ingredient.Type.unknown, size
        self.producerName = producerName

    def __repr__(self):
        return 'Ingredient(%r, %r)' % (self.name, str(self.type))


class IngredientTypeSpec(object):
    """How values of a type of yours are kept. Subclass it, and
    plant.warehouse.register_ingredient_specs([Yours()]).

    Files are to be in warehouse.baseDir, a folder that this ingredient has for itself; `name` is safe in file
    names.
    """

    @classmethod
    def get_name(cls):
        """The name of the type."""
        raise HotloadError('%s has no get_name()' % cls.__name__)

    def store(self, warehouse, name, value):
        """Write the value to files in warehouse.baseDir; give back None or what fetch() needs besides."""
        raise HotloadError('%s has no store()' % type(self).__name__)

    def fetch(self, warehouse, name, meta):
        """The value; meta: what store() gave back."""
        raise HotloadError('%s has no fetch()' % type(self).__name__)

    def allocate(self, warehouse, name, **how):
        """An empty value that is filled later, for pipe.allocate(name, type, **how)."""
        raise HotloadError('%s has no allocate()' % type(self).__name__)

    def deallocate(self, warehouse, name):
        """Called before the files of a temporary value are removed."""

    def close(self):
        """Called when the plant is shut down."""

    def is_instance(self, value):
        """Whether a value sent without a type is of this one."""
        return False


# What is kept of an ingredient. name, kind: text.      address: checksum of its bytes.
# size: of them. meta: pickle of what its spec needs, or None.
# refs: ((module, name) of the user's classes and functions in it). data: its bytes where they are few, or
# None: they are an entry of the store.
Product = namedtuple('Product', 'name kind address size meta refs data')
GONE = object()             # what is got for a product whose bytes are damaged or not there any more
type_of = type              # `type` is an argument of PyPlant's methods


class Shelf(object):
    """What a spec is given as its warehouse. baseDir: where the files are to be."""

    def __init__(self, folder, logger):
        self.baseDir, self.logger = folder, logger


class Draft(object):
    """A value that was allocated: name, kind, value.      path: its file or folder.      is_temporary."""

    def __init__(self, name, kind, path, is_temporary):
        self.name, self.kind, self.path, self.is_temporary, self.value = name, kind, path, is_temporary, None


class Warehouse(object):
    """Values in a Store. store.      specs: {name: IngredientTypeSpec}.
    baseDir: the folder of the store."""

    def __init__(self, store, logger=None):
        self.store, self.specs, self.logger, self.baseDir = store, {}, logger, store.top

    def register_ingredient_specs(self, specs):
        """Let ingredients be of these types, too; specs: list of IngredientTypeSpec."""
        for spec in specs:
            self.specs[spec.get_name()] = spec() if isinstance(spec, type) else spec

    def kind_of(self, type, value=None):
        """The name of a type, given as Ingredient.Type, spec, name of one, or None: then it is found by the
        value."""
        if type is not None and type != Ingredient.Type.unknown:
            kind = type if isinstance(type, string_types) else type.get_name()
            if kind not in self.specs and not hasattr(Ingredient.Type, kind):
                raise HotloadError('there is no type %r%s' % (str(kind), one_of(kind, sorted(self.specs))))
            return str(kind)
        for name, spec in self.specs.items():
            if spec.is_instance(value):
                return name
        numpy = sys.modules.get('numpy')
        if numpy is not None and type_of(value) is numpy.ndarray and value.nbytes >= LARGE_ARRAY and (
                not value.dtype.hasobject):
            return 'array'
        return 'simple' if type_of(value) in PLAIN_TYPES else 'list' if type_of(value) is list else 'object'

    def put(self, name, kind, value):
        """Keep a value; its Product."""
        if kind in self.specs:
            folder = self.store.draft()
            make_folders(folder)
            meta = self.specs[kind].store(Shelf(folder, self.logger), safe_name(name), value)
            return self._adopted(name, kind, folder, meta)
        if kind == 'file':
            path = self.store.draft()
            shutil.copyfile(path_text(value), path)
            return self._adopted(name, kind, path)
        if kind in ('array', 'buffer'):
            numpy = sys.modules.get('numpy')
            if kind == 'array' and numpy is None and type_of(value) is list:
                import numpy
            if kind == 'array' and numpy and isinstance(value, (numpy.ndarray, numpy.generic, list)):
                value = numpy.asanyarray(value)
                if type_of(value) in (numpy.ndarray, numpy.memmap) and not value.dtype.hasobject:
                    path = self.store.draft()
                    with open(path, 'wb') as stream:
                        numpy.save(stream, value, allow_pickle=False)
                    return self._adopted(name, kind, path, 'npy')
            elif kind == 'buffer' or type_of(value).__name__ not in ('array', 'bytes', 'bytearray', 'str'):
                view = memoryview(value)
                path = self.store.draft()
                with open(path, 'wb') as stream:
                    stream.write(view.cast('B') if HAS_CASTS and view.c_contiguous else view.tobytes())
                return self._adopted(name, kind, path, (view.format, view.shape) if kind == 'array' else None)
        refs = []
        if type_of(value) in PLAIN_TYPES:
            data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        else:
            data = dump(value, lambda item: global_name(item, refs))
        is_small = len(data) <= SMALL
        address = hashlib.sha1(data).hexdigest() if is_small else self.store.add(data)
        refs = tuple(sorted(set(refs)))
        return Product(name, kind, address, len(data), None, refs, data if is_small else None)

    def _adopted(self, name, kind, path, meta=None):
        size = sum(size for _, size in sizes_below(path)) if os.path.isdir(path) else os.path.getsize(path)
        meta = None if meta is None else pickle.dumps(meta, 2)
        return Product(name, kind, self.store.adopt(path), size, meta, (), None)

    def allocate(self, name, kind, how, is_temporary=False):
        """A Draft: an empty value on disk, to be filled."""
        draft = Draft(name, kind, self.store.draft(), is_temporary)
        if kind in self.specs:
            make_folders(draft.path)
            draft.value = self.specs[kind].allocate(Shelf(draft.path, self.logger), safe_name(name), **how)
        elif kind == 'file':
            open(draft.path, 'wb').close()
            draft.value = draft.path
        elif kind == 'buffer':
            with open(draft.path, 'wb+') as stream:
                reserve(stream.fileno(), how['size'])
            draft.value = self.open('buffer', draft.path, mmap.ACCESS_WRITE)
        elif kind == 'array':
            from numpy.lib.format import open_memmap
            draft.value = open_memmap(draft.path, 'w+', **how)
        else:
            raise HotloadError('values of type %s cannot be allocated, only sent' % kind)
        return draft

    def finish(self, draft):
        """The Product of a Draft that was filled."""
        meta = None
        if draft.kind in self.specs:
            shelf = Shelf(draft.path, self.logger)
            meta = self.specs[draft.kind].store(shelf, safe_name(draft.name), draft.value)
        elif draft.kind == 'array':
            meta = 'npy'
        return self._adopted(draft.name, draft.kind, draft.path, meta)

    def drop(self, draft):
        """Remove what belongs to a Draft."""
        if draft.kind in self.specs:
            self.specs[draft.kind].deallocate(Shelf(draft.path, self.logger), safe_name(draft.name))
        draft.value = None
        remove(draft.path)

    def get(self, product):
        """The value of a Product, a new one each time; or GONE."""
        kind, meta = product.kind, product.meta and pickle.loads(product.meta)
        if kind in self.specs or kind in ('file', 'buffer') or kind == 'array' and meta is not None:
            path = self.store.path(product.address)
            if path is None:
                return GONE
            if kind in self.specs:
                return self.specs[kind].fetch(Shelf(path, self.logger), safe_name(product.name), meta)
            return path if kind == 'file' else self.open(kind, path, mmap.ACCESS_COPY, meta)
        if not hasattr(Ingredient.Type, kind):
            raise HotloadError('ingredient %r is of type %r, which is not registered; use '
                               'plant.warehouse.register_ingredient_specs' % (product.name, kind))
        data = product.data if product.data is not None else self.store.read(product.address)
        if data is None:
            return GONE
        try:
            return load(data, find_global)
        except (ImportError, AttributeError, pickle.UnpicklingError, EOFError):
            return GONE                         # its class is not there any more

    def open(self, kind, path, access, meta=None):
        """An array or buffer whose bytes are those of the file, read when they are needed."""
        if meta == 'npy':
            import numpy
            value = numpy.load(path, mmap_mode='c' if os.path.getsize(path) > 2 ** 16 else None)
            return value.view(numpy.ndarray)
        if not os.path.getsize(path):
            return bytearray()
        with open(path, 'rb+' if access == mmap.ACCESS_WRITE else 'rb') as stream:
            value = mmap.mmap(stream.fileno(), 0, access=access)
        return memoryview(value).cast('B').cast(*meta) if kind == 'array' and HAS_CASTS else value


def safe_name(name):
    """A text for the ingredient's name that is good in file names."""
    text = re.sub(r'[^A-Za-z0-9_-]+', '_', name)
    return text if text == name and len(text) <= 60 else '%s-%s' % (text[:60], text_digest(name))


def text_digest(text):
    """Some letters that stand for a text."""
    return hashlib.sha1(text.encode('utf-8')).hexdigest()[:12]


def global_name(item, refs):
    """(module, name) under which a class or function of the user is pickled, noted in `refs`; None for
    others."""
    if isinstance(item, class_types) or type(item) is FunctionType:
        module = sys.modules.get(item.__module__)
        if module is not None and is_users_module(item.__module__, vars(module)) and item.__module__ not in (
                'builtins', '__builtin__'):
            main = sys.modules.get('__main__')
            name = neutral_name(main) if item.__module__ in ('__main__', '__mp_main__') else item.__module__
            found = name, qualified_name(item)
            try:
                if find_global(*found) is item:
                    refs.append(found)
                    return found
            except (ImportError, AttributeError):
                pass                            # Python's own error tells about it
    return None


# ---- what is known of earlier runs

# A run that ended. key: of its reactor.      code: digest.      conversation: as of a Run.
# products: [Product]. seconds, time: how long it took, and when.
Record = namedtuple('Record', 'key code conversation products seconds time')


class Records(object):
    """The records of a Store, by the digest of the reactor's code.

    runs: {code digest: [Record or bytes, oldest first]}.      parts: {digest: bytes}, of Meanings.parts.
    """

    def __init__(self, store):
        self.store, self.runs, self.parts, self.by_key = store, {}, {}, None
        for payload in store.records():
            kind, digest = payload[:1], payload[1:17]
            if kind == b'R':
                self.runs.setdefault(digest, []).append(payload)
            elif kind == b'P':
                self.parts[digest] = payload

    def of(self, code):
        """The Records of runs of this code, the newest first."""
        runs = self.runs.get(code)
        if not runs:
            return []
        for number, run in enumerate(runs):
            if type(run) is bytes:
                runs[number] = self.decode(run)
        return runs[::-1]

    def usable(self, code):
        """Those that a reactor may be spared for: all of them; the newest only, when not all sent the same
        names."""
        runs = self.of(code)
        names = set(tuple(product.name for product in run.products) for run in runs)
        return runs if len(names) < 2 else runs[:1]

    @staticmethod
    def encode(record):
        """A Record as bytes."""
        products = [tuple(product) for product in record.products]
        return b'R' + record.code + marshal.dumps(
            (record.key, record.conversation, products, record.seconds, record.time))

    @staticmethod
    def merged(payloads):
        """Those of the payloads that are not superseded by a later one."""
        found = {}
        for payload in payloads:
            text = payload
            if payload[:1] == b'R':
                text = payload[:17] + spelled(Records.decode(payload).conversation)
            found.pop(text, None)
            found[text] = payload
        return list(found.values()) if HAS_DICT_ORDER else sorted(found.values(), key=payloads.index)

    @staticmethod
    def decode(payload):
        """The Record of a payload."""
        key, conversation, products, seconds, when = marshal.loads(payload[17:])
        products = [Product(*product) for product in products]
        return Record(key, payload[1:17], conversation, products, seconds, when)

    def add(self, record, parts):
        """Keep a Record, and of `parts` (as of Meanings) what its code is made of."""
        runs = self.runs.setdefault(record.code, [])
        known = self.of(record.code)
        if known and known[0].conversation == record.conversation and known[0].products == record.products:
            return                              # as a reactor that is asked for again and again
        payloads, todo = [], [record.code]
        while todo:
            digest = todo.pop()
            if digest in parts and digest not in self.parts:
                label, own, edges = parts[digest]
                self.parts[digest] = b'P' + digest + marshal.dumps((label, own, edges))
                payloads.append(self.parts[digest])
                todo += [to for _, to in edges]
        if self.by_key is not None:
            self.by_key[record.key] = record
        runs[:] = [run for run in known[::-1] if run.conversation != record.conversation] + [record]
        payloads.append(self.encode(record))
        self.store.append(*payloads)

    def forget(self, record):
        """Take a record for lost: what it sent is damaged."""
        self.runs[record.code] = [run for run in self.of(record.code)[::-1] if run is not record]

    def part(self, digest):
        """(label, own, edges) of Meanings.parts, of an earlier run too; None when it is not known."""
        payload = self.parts.get(digest)
        return marshal.loads(payload[17:]) if payload else None

    def all(self):
        """All Records, oldest first."""
        runs = [run for code in list(self.runs) for run in self.of(code)]
        return sorted(runs, key=operator.attrgetter('time'))

    def last(self, key):
        """The last Record of the reactor, whatever its code was; None when it never ran."""
        if self.by_key is None:
            self.by_key = dict((run.key, run) for run in self.all())
        return self.by_key.get(key)
