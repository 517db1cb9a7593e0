// Runs a script on CPython compiled to WebAssembly: node pyodide.mjs PYODIDE FOLDER SCRIPT [ARGS...]
// PYODIDE: folder of the npm package.  FOLDER: the current one, and the only one that Python sees of this machine.
// There are no threads, processes or signals here: the tests that need them skip themselves.
import { pathToFileURL } from "node:url";
import path from "node:path";

const [pyodide, folder, ...args] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.resolve(pyodide, "pyodide.mjs")));
const python = await loadPyodide({ env: { ...process.env, HOME: "/home/pyodide" } });
python.mountNodeFS("/folder", path.resolve(folder));
python.globals.set("args", python.toPy(args));
const status = await python.runPythonAsync(`
import os, runpy, sys
os.chdir("/folder")
sys.argv[:] = args
sys.path.insert(0, os.path.dirname(os.path.abspath(args[0])))
status = 0
try:
    runpy.run_path(args[0], run_name="__main__")
except SystemExit as end:
    status = end.code if isinstance(end.code, int) else int(bool(end.code))
sys.stdout.flush()
sys.stderr.flush()
status
`);
process.exit(status);
