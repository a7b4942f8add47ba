"""Room on a disk: what each thing needs, and the one sentence when that is not free."""

import pytest

from discode.core.artifact import Archive, Image
from discode.core.errors import PreflightError
from discode.core.room import NEW_SERVER, SPARE, Disk, must_have_room, of_export, of_release, of_restore, of_upgrade

MEGABYTE = 1 << 20


def test_what_each_needs():
    archive = Archive(path="myapp/1.0", sha256="0" * 64, length=10, unpacked=100)
    image = Image(repository="r.example.com/acme/myapp", digest=f"sha256:{'0' * 64}", length=10)
    assert (of_release(archive), of_release(image)) == (210, 30)
    assert of_restore(100, []) == 100 and of_restore(100, [10, 20]) == 100 + 3 * 30 + 2 * NEW_SERVER
    assert of_upgrade([10, 20]) == 60 and of_upgrade([]) == 0 and of_export(7) == 14


def test_to_the_byte_and_by_the_fuller_of_two_disks():
    needed = 36 * MEGABYTE
    roomy, enough = Disk("/roomy", 1 << 40), Disk("/data", SPARE + needed)
    must_have_room("The backup of myapp", needed, enough, roomy)
    with pytest.raises(PreflightError) as refused:
        must_have_room("The backup of myapp", needed, roomy, Disk("/data", enough.free - 1), advice="Or wait.")
    assert refused.value.name == "disk-full"
    assert refused.value.sentence == (
        "The backup of myapp needs 100 MB of disk space, but only 100 MB are free in /data. Nothing was changed."
    )
    assert refused.value.next_step == "Free some space there, then run the command again. Or wait."
