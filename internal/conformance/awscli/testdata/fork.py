"""Runs the AWS CLI once a line of standard input, as its own program would run it.

A line is a JSON object with "arguments" and "directory"; the answer is a line with
"code", "stdout" and "stderr". Every run is a process of its own, forked from this one,
which has started the CLI already: that is most of a command's time.
"""

import gc
import json
import os
import sys
import tempfile
import traceback

import awscli.clidriver

driver = awscli.clidriver.create_clidriver()
driver.session.get_available_services()
driver.session.get_service_model("sts")
gc.freeze()


def run(request, out, err):
    os.chdir(request["directory"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    gc.disable()
    sys.argv = ["aws", *request["arguments"]]
    code = 1
    try:
        code = driver.main(sys.argv[1:])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def text(file):
    file.seek(0)
    return file.read().decode()


for line in sys.stdin:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            run(json.loads(line), out, err)
        _, status = os.waitpid(child, 0)
        answer = {"code": os.waitstatus_to_exitcode(status), "stdout": text(out), "stderr": text(err)}
    print(json.dumps(answer), flush=True)
