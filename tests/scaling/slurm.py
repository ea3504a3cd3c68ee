"""A SLURM cluster of one node, this machine, started by a test: own folder, own ports, loopback only, ended by pid."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "srun")
CONFIGURATION = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/sock,cred_expire=20
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=100000
MpiDefault=none
SwitchType=switch/none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
SlurmctldTimeout=30
SlurmdTimeout=60
InactiveLimit=0
KillWait=5
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def why_not() -> str | None:
    """Why no cluster can be started here; None where it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"SLURM is not installed (apt-get install slurm-wlm munge): no {', '.join(missing)}"
    return None if os.geteuid() == 0 else "a SLURM node is started by root only"


class Cluster:
    """munged, slurmctld and slurmd below `folder`, a short absolute path; `environment` is what commands need."""

    def __init__(self, folder: Path, cpus: int = 2):
        self.folder, self.cpus = folder, cpus
        self.environment = os.environ | {"SLURM_CONF": f"{folder}/slurm.conf"}

    def start(self) -> None:
        """Start the three daemons and wait until the node is idle."""
        for name in ("munge", "state", "spool", "log"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        ports = {"controller_port": _free_port(), "node_port": _free_port()}
        text = CONFIGURATION.format(folder=self.folder, host=_host(), cpus=self.cpus, **ports)
        (self.folder / "slurm.conf").write_text(text)
        munge = self.folder / "munge"
        files = {"key-file": "key", "socket": "sock", "pid-file": "pid", "seed-file": "seed", "log-file": "log"}
        self.call("munged", *(f"--{option}={munge / file}" for option, file in files.items()), "--num-threads=2")
        self.call("slurmctld", "-c")
        self.call("slurmd")
        self._wait_until_idle()

    def stop(self) -> None:
        """Cancel what is left and end the daemons by their ids."""
        subprocess.run(["scancel", "--user=root"], env=self.environment, check=False)
        for file in ("slurmd.pid", "slurmctld.pid", "munge/pid"):
            _end(self.folder / file)

    def call(self, *command: str) -> str:
        """Run a command against this cluster; its output."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def jobs(self, state: str = "all") -> list[str]:
        """Ids of the jobs in this state."""
        return self.call("squeue", "--noheader", "--array", f"--states={state}", "--format=%i").split()

    def _wait_until_idle(self) -> None:
        for _ in range(100):
            if "idle" in self.call("sinfo", "--noheader", "--format=%t"):
                return
            time.sleep(0.2)
        raise AssertionError((self.folder / "log/slurmd.log").read_text())


def _host() -> str:
    return socket.gethostname().split(".")[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end(pid_file: Path) -> None:
    if not pid_file.is_file():
        return
    pid = int(pid_file.read_text())
    subprocess.run(["kill", str(pid)], check=False)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    subprocess.run(["kill", "-KILL", str(pid)], check=False)
