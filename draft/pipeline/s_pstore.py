##############################################################################
## 11. Store -- values on disk
##############################################################################
#
# Gives to those below Store: a folder with entries (files and folders, found by the checksum of what they
# hold) and a journal (records, in the order in which they were written).
#
# Nothing in it is trusted: what does not fit its checksum is not there. Entries are written under another
# name and renamed; a record is one write, with a length and a checksum; records come last. So a process may
# be killed at any moment. Each process writes a journal of its own, which is locked while it lives, and reads
# those of all: two processes need not know of each other, and who removes what another uses only makes it
# compute once more. When nothing can be written, values are kept in memory (or the folder for temporary
# files) while the process lives.

import binascii
import hashlib
import shutil
import tempfile

RECORD = struct.Struct('>4sII')                 # mark, length, checksum
MARK = b'\xf5hl\n'
LARGEST_HELD = 2 ** 28      # bytes of entries that are kept in memory, so that they are read once
STORE_FORMAT = 1
MOST_JOURNALS = 16
TICK_S = 0.02               # the clock of file systems moves in steps that are no longer
LONG_TO_READ = 2 ** 24      # bytes; a file from this on is not read twice only since it is new
# {folder: ({address: state of the entry when it was verified}, {address: its bytes})} in this process.
REMEMBERED = {}


def hash_file(path, into):
    """Add the content of the file to the hash `into`."""
    with open(path, 'rb') as stream:
        while True:
            part = stream.read(2 ** 20)
            if not part:
                return
            into.update(part)


def checksum(path):
    """The checksum (40 letters) of the content of a file, or of a folder with all that is in it."""
    found = hashlib.sha1()
    if not os.path.isdir(path):
        hash_file(path, found)
        return found.hexdigest()
    for name in sorted(os.listdir(path)):
        text = name if isinstance(name, bytes) else name.encode('utf-8', LONE_SURROGATES)
        found.update(text + b'/' + checksum(os.path.join(path, name)).encode('ascii'))
    return found.hexdigest()


def newest(state):
    """When the file or any in the folder with this state was modified, in seconds."""
    if state and isinstance(state[0], tuple):
        return max(newest(part) for _, part in state)
    return state[0] / TICKS_A_SECOND if state else 0.0


def is_settled(state, when):
    """Whether what was read of a file at the time `when` stays true while its state does: its times are
    coarse."""
    return newest(state) < when - TICK_S


def state_of(path):
    """What changes with a file, or with any file in a folder; None when it is not there."""
    if not os.path.isdir(path):
        return file_key(path)
    return tuple((name, state_of(os.path.join(path, name))) for name in sorted(os.listdir(path)))


class Store(object):
    """A folder of entries and records. folder: made, with mode 0700, if need be.
    max_bytes: bound, or None. trust: use it even if other users can write to it.
    lost: why nothing can be written, or None.

    Raises HotloadError where the folder is a file, or others can write to it: loading values runs what is in
    them.
    """

    def __init__(self, folder, max_bytes=None, trust=False, session=None):
        self.journal = None
        self.top, self.max_bytes = os.path.abspath(path_text(folder)), max_bytes
        self.lost, self.number = None, 0
        self.folder = os.path.join(self.top, '%s-%d' % (PYTHON_TAG, STORE_FORMAT))
        self.spare, self.used = {}, set()
        self.verified, self.held = REMEMBERED.setdefault(self.folder, ({}, {}))
        if os.path.exists(self.top) and not os.path.isdir(self.top):
            raise HotloadError('expected a folder for the store, found a file', path=self.top)
        self._refuse_others(trust)
        try:
            for path in [os.path.dirname(self.top), self.top] + [
                    os.path.join(self.folder, name) for name in ('entries', 'journals', 'new')]:
                make_folders(path)
        except EnvironmentError as error:
            self._lose(error)
        self.session = session or '%x-%d-%s' % (int(time.time() * 1e6), os.getpid(),
                                                binascii.hexlify(os.urandom(4)).decode())
        self.drafts = os.path.join(self.folder, 'new', self.session)

    def _refuse_others(self, trust):
        """Raise HotloadError if another user can write to the folder."""
        if trust or not os.path.isdir(self.top) or not hasattr(os, 'getuid'):
            return
        status = os.stat(self.top)
        if status.st_mode & 0o022 or status.st_uid not in (0, os.getuid()):
            raise HotloadError('others can write to this store, and loading values runs what they wrote; '
                               '`chmod go-w %s`, choose another folder, or trust it (trust=True)'
                               % self.top, path=self.top)

    def _lose(self, error):
        """Take note that the store cannot be written, and say so once."""
        if self.lost is None:
            self.lost = getattr(error, 'strerror', None) or str(error)
            say('%s: cannot be written (%s): results are kept only while this process lives' % (
                self.top, self.lost), colour=RED)

    # ---- entries

    def draft(self):
        """The path of a new file or folder, to be given to adopt() when it is complete."""
        self.number += 1
        if not os.path.isdir(self.drafts):
            try:
                make_folders(self.drafts)
            except EnvironmentError as error:
                self._lose(error)
                self.drafts = tempfile.mkdtemp(prefix='hotload-')
        return os.path.join(self.drafts, '%d-%x-%d' % (os.getpid(), threads.get_ident(), self.number))

    def place(self, address):
        """Where the entry is, if it is there."""
        return os.path.join(self.folder, 'entries', address[:2], address)

    def add(self, data):
        """Keep bytes; their address."""
        address = hashlib.sha1(data).hexdigest()
        self.used.add(address)
        if self.path(address):
            return address
        try:
            path = self.draft()
            with open(path, 'wb') as stream:
                stream.write(data)
            self._move(path, address)
        except EnvironmentError as error:
            self._lose(error)
            self.spare[address] = data
            with suppress(EnvironmentError):
                os.remove(path)
        return address

    def adopt(self, path):
        """Make a file or a folder that is complete an entry; its address."""
        if not os.path.isdir(path) and os.path.getsize(path) >= LONG_TO_READ:
            time.sleep(TICK_S)
        begun = time.time()
        address = checksum(path)
        self.used.add(address)
        if self.path(address) is None:
            try:
                self._move(path, address)
                self._verify(address, self.place(address), begun)
            except EnvironmentError as error:
                self._lose(error)
                self.spare[address] = path
        else:
            remove(path)
        return address

    def _move(self, path, address):
        place = self.place(address)
        for attempt in range(2):
            try:
                if os.path.lexists(place):      # damaged, or made by another process just now
                    remove(place)
                os.rename(path, place)
                break
            except EnvironmentError:
                if attempt or os.path.isdir(os.path.dirname(place)) and not HAS_CONSOLE:
                    raise
                make_folders(os.path.dirname(place))
                if HAS_CONSOLE and os.path.isfile(path):    # it renames no file that is mapped
                    shutil.copyfile(path, path + '-copy')
                    path += '-copy'

    def _verify(self, address, place, begun):
        """Take note that the entry was read at the time `begun` and is as it should be."""
        state = state_of(place)
        if is_settled(state, begun):
            self.verified[address] = state

    def path(self, address):
        """The path of the entry (str), or None when it is not there or damaged; looked at once, then its
        times only."""
        found = self.spare.get(address)
        place = found if isinstance(found, string_types) and os.path.exists(found) else self.place(address)
        with suppress(EnvironmentError):
            state = state_of(place)
            if state is None:
                return None
            if self.verified.get(address) != state:
                begun = time.time()
                if checksum(place) != address:
                    remove(place)
                    return None
                self._verify(address, place, begun)
            self.used.add(address)
            return place

    def read(self, address):
        """The bytes of an entry, or None when it is not there or damaged."""
        data = self.held.get(address, self.spare.get(address))
        if isinstance(data, bytes):
            self.used.add(address)
            return data
        with suppress(EnvironmentError):
            data = read_bytes(data or self.place(address))
            if hashlib.sha1(data).hexdigest() == address:
                self.used.add(address)
                self.hold(address, data)
                return data
            remove(self.place(address))

    def hold(self, address, data):
        """Keep an entry's bytes in memory, so that they are not read again; old ones go when there are too
        many."""
        total = len(data) + sum(map(len, list(self.held.values())))
        for old in list(self.held):
            if total > LARGEST_HELD:
                total -= len(self.held.pop(old, b''))
        if total <= LARGEST_HELD:
            self.held[address] = data

    # ---- records

    def append(self, *payloads):
        """Write records (bytes) to this process's journal, all at once."""
        if self.lost is not None:
            return
        try:
            if self.journal is None:
                path = os.path.join(self.folder, 'journals', self.session)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, 'O_BINARY', 0)
                self.journal = os.open(path, flags, 0o600)
                lock_file(self.journal)
            data = b''.join(map(sealed, payloads))
            if os.write(self.journal, data) != len(data):
                raise EnvironmentError('disk full')
        except EnvironmentError as error:
            self._lose(error)

    def records(self):
        """The payloads of all records that are whole, journal by journal, oldest first."""
        for attempt in range(5):
            found, is_whole = [], True
            for name in sorted(list_folder(os.path.join(self.folder, 'journals'))[0]):
                if not name.endswith('.new'):
                    try:
                        found += split_records(read_bytes(os.path.join(self.folder, 'journals', name)))
                    except EnvironmentError:    # another process put it together with others just now
                        is_whole = False
            if is_whole:
                break
        return found

    def merge(self, choose):
        """Put the journals together when there are many."""
        if len(list_folder(os.path.join(self.folder, 'journals'))[0]) > MOST_JOURNALS:
            self.tidy()
            self.rewrite(choose)

    def is_idle(self, name):
        """Whether the process that wrote the journal `name` has ended."""
        with suppress(EnvironmentError):
            descriptor = os.open(os.path.join(self.folder, 'journals', name), os.O_RDWR)
            try:
                return lock_file(descriptor)
            finally:
                os.close(descriptor)
        return not os.path.exists(os.path.join(self.folder, 'journals', name))

    def rewrite(self, choose):
        """Put all journals whose processes have ended into one. choose(payloads) -> those to keep."""
        if self.lost is not None:
            return
        folder = os.path.join(self.folder, 'journals')
        names = [name for name in sorted(list_folder(folder)[0])
                 if name != self.session and self.is_idle(name)]
        own = [self.session] if self.journal is not None else []
        payloads = []
        with suppress(EnvironmentError):
            for name in names + own:
                payloads += split_records(read_bytes(os.path.join(folder, name)))
            kept = choose(payloads)
            path = os.path.join(folder, '%s.new' % self.session)
            with open(path, 'wb') as stream:
                stream.write(b''.join(map(sealed, kept)))
            if self.journal is not None:
                os.close(self.journal)
                self.journal = None
            merged = os.path.join(folder, self.session + '-m')
            os.rename(path, merged)
            for name in names + own:
                remove(os.path.join(folder, name))

    def size(self):
        """Bytes of all that is stored for this Python."""
        return sum(size for _, size in sizes_below(self.folder))

    def tidy(self):
        """Remove what processes left behind that were killed before they could finish it."""
        folder = os.path.join(self.folder, 'new')
        for name in list_folder(folder)[1]:
            if name != self.session and self.is_idle(name):
                with suppress(EnvironmentError):
                    if time.time() - os.stat(os.path.join(folder, name)).st_mtime > 3600:
                        remove(os.path.join(folder, name))

    def __del__(self):
        if self.journal is not None:            # of a plant that was not shut down
            os.close(self.journal)

    def close(self):
        """Give back the journal, and remove drafts that were not adopted."""
        if self.journal is not None:
            os.close(self.journal)
            self.journal = None
        if not any(isinstance(path, string_types) for path in self.spare.values()):
            remove(self.drafts)


def sealed(payload):
    """A record as it stands in a journal."""
    return RECORD.pack(MARK, len(payload), binascii.crc32(payload) & 0xffffffff) + payload


def split_records(data):
    """The payloads of the whole records in a journal's bytes; what is damaged is skipped."""
    at, found, head = 0, [], RECORD.size
    view = memoryview(data)
    while at + head <= len(data):
        mark, size, total = RECORD.unpack_from(data, at)
        end = at + head + size
        if mark == MARK and end <= len(data) and binascii.crc32(view[at + head:end]) & 0xffffffff == total:
            found.append(data[at + head:end])
            at = end
        else:
            at = data.find(MARK, at + 1)
            if at < 0:
                break
    return found


def sizes_below(folder):
    """[(path, bytes)] of the files in the folder and below."""
    files, folders = list_folder(folder)
    found = []
    for name in files:
        with suppress(EnvironmentError):
            found.append((os.path.join(folder, name), os.stat(os.path.join(folder, name)).st_size))
    for name in folders:
        found += sizes_below(os.path.join(folder, name))
    return found


def make_folders(path):
    """Make the folder and those above it that are not there; another process may do the same."""
    if not os.path.isdir(path):
        try:
            os.makedirs(path, 0o700)
        except EnvironmentError:
            if not os.path.isdir(path):
                raise


def remove(path):
    """Remove a file or a folder with all that is in it, if it is there and that can be done."""
    with suppress(EnvironmentError):
        if os.path.isdir(path) and not os.path.islink(path):
            files, folders = list_folder(path)
            for name in files + folders:
                remove(os.path.join(path, name))
            os.rmdir(path)
        else:
            os.remove(path)
