[
("""        if found and not (node.col_offset == 0 or getattr(node, 'decorator_list', ())):""",
 """        if found and not (node.col_offset == 0 or getattr(node, 'decorator_list', ()) or isinstance(node, _ast.With)):"""),
("""        exec(code, self.namespace)
        if self.entrypoint is not None:""", """        execute(code, self.namespace)
        if self.entrypoint is not None:"""),
("""    def run(self, changed=()):
        \"\"\"Run it once; what it raises goes through.\"\"\"
        if self.before is None:""", """    def enter(self, changed=()):
        \"\"\"Make the process ready for a run, as Python would; the bytes of the script.\"\"\"
        if self.before is None:"""),
("""        try:
            code = compile(fresh.read(self.path), self.path, 'exec', 0, True)
        except EnvironmentError as error:
            raise HotloadError('cannot be read: %s' % error.strerror, path=self.given)
        self.namespace.update(facts, __file__=self.path)
""", """        try:
            data = fresh.read(self.path)
        except EnvironmentError as error:
            raise HotloadError('cannot be read: %s' % error.strerror, path=self.given)
        self.namespace.update(facts, __file__=self.path)
"""),
("""        if self.name != '__main__':
            sys.modules[self.name] = self.space
        execute(code, self.namespace)
""", """        if self.name != '__main__':
            sys.modules[self.name] = self.space
        return data

    def run(self, changed=()):
        \"\"\"Run it once; what it raises goes through.\"\"\"
        data = self.enter(changed)
        execute(compile(data, self.path, 'exec', 0, True), self.namespace)
"""),
("""    class Prompt(code.InteractiveConsole):
        def raw_input""", """    class Prompt(code.InteractiveConsole):
        failed = False

        def runsource(self, source, *args, **kwargs):
            self.failed = False
            more = code.InteractiveConsole.runsource(self, source, *args, **kwargs)
            if not more:
                getattr(step, 'typed', lambda text, failed: None)(source, self.failed)
            return more

        def showtraceback(self, *args, **kwargs):
            self.failed = True
            code.InteractiveConsole.showtraceback(self, *args, **kwargs)

        def showsyntaxerror(self, *args, **kwargs):
            self.failed = True
            code.InteractiveConsole.showsyntaxerror(self, *args, **kwargs)

        def raw_input"""),
("""                name.startswith(below) or self._imports(name) & stale or None in self._imports(name)))""",
 """                name.startswith(below) or self.imports_of(name) & stale or None in self.imports_of(name)))"""),
("""                for other in sorted(self._imports(name) - set([None])):""",
 """                for other in sorted(self.imports_of(name) - set([None])):"""),
("""    def _imports(self, name):""", """    def imports_of(self, name):"""),
("""        self.codes = {}

    def install""", """        self.codes, self.keys = {}, {}

    def install"""),
("""    name that was not found:
    [where it would have been]}.      version: changes with these.
""", """    name that was not found:
    [where it would have been]}.      keys: {path: key} of other files when they were read.      version: changes with
    these.
""") if False else ("""    [where it would have been]}.      version: changes with these.
""", """    [where it would have been]}.      keys: {path: key} of other files, as they were when the program read them.
    version: changes with these.
"""),
("""        key = fresh.texts[path][0] if path in fresh.texts else file_key(path)
        missed""", """        key = fresh.texts[path][0] if path in fresh.texts else fresh.keys[path] if path in fresh.keys else file_key(path)
        missed"""),
]
