/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory slots and the dirty log: KVM_SET_USER_MEMORY_REGION, KVM_GET_DIRTY_LOG (api.rst). */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../case.h"

static uint64_t first(const struct conform *conform, enum conform_region_name name)
{
	return conform->regions[name].first;
}

static int put_extra(struct conform *conform, uint64_t gpa, uint64_t size, void *host)
{
	return conform_slot(conform, SLOT_EXTRA, 0, gpa, size, host);
}

/* Deleted, there again with what it held, and there with other memory. */
static void deleted(struct conform *conform)
{
	static uint64_t other[0x20000 / 8] __attribute__((aligned(0x10000)));
	struct conform_region *extra = &conform->regions[REGION_EXTRA];

	conform_start(conform);
	conform_until(conform, CONFORM_SYNC);
	conform_result(conform, "delete", put_extra(conform, extra->first, 0, NULL));
	conform_until(conform, CONFORM_EXIT);
	conform_answer(conform);
	conform_until(conform, CONFORM_SYNC);
	conform_result(conform, "create", put_extra(conform, extra->first, extra->size, extra->host));
	conform_until(conform, CONFORM_SYNC);
	other[0] = 0x2222;
	conform_result(conform, "delete", put_extra(conform, extra->first, 0, NULL));
	conform_result(conform, "create", put_extra(conform, extra->first, sizeof(other), other));
	conform_drive(conform);
}

static void moved(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	uint64_t to;

	conform_start(conform);
	to = first(conform, REGION_HOLE);
	conform->parameter[PARAMETER_VALUE] = to;
	conform_until(conform, CONFORM_SYNC);
	conform_result(conform, "move", put_extra(conform, to, extra->size, extra->host));
	conform_drive(conform);
}

static void refused(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	uint64_t at;

	conform_start(conform);
	at = first(conform, REGION_HOLE);
	conform_result(conform, "overlap",
		       conform_slot(conform, 7, 0, extra->first, extra->size, extra->host));
	conform_result(conform, "address not of a page",
		       conform_slot(conform, 7, 0, at + 0x100, extra->size, extra->host));
	conform_result(conform, "size not of a page", conform_slot(conform, 7, 0, at, 0x100, extra->host));
	conform_result(conform, "host address not of a page",
		       conform_slot(conform, 7, 0, at, extra->size, extra->host + 0x100));
	conform_result(conform, "unknown flag",
		       conform_slot(conform, 7, 1u << 20, at, extra->size, extra->host));
	conform_result(conform, "another size",
		       put_extra(conform, extra->first, extra->size / 2, extra->host));
	conform_result(conform, "made read-only",
		       conform_slot(conform, SLOT_EXTRA, SV_KVM_MEM_READONLY, extra->first, extra->size,
				    extra->host));
	conform_result(conform, "other memory",
		       put_extra(conform, extra->first, extra->size, extra->host + 0x10000));
	conform_result(conform, "deleted, which is not there", conform_slot(conform, 7, 0, at, 0, NULL));
	conform_result(conform, "beyond the VM's addresses",
		       conform_slot(conform, 7, 0, UINT64_C(1) << 52, extra->size, extra->host));
}

/* One bit a page of the host's: these are the first four pages. */
static void say_log(struct conform *conform, const char *when)
{
	uint64_t bitmap[CONFORM_EXTRA_SIZE / 4096 / 64 + 1] = {0};
	struct sv_kvm_dirty_log log = {.slot = SLOT_EXTRA, .dirty_bitmap = (uintptr_t)bitmap};
	int rc = conform_vm_ioctl(conform, SV_KVM_GET_DIRTY_LOG, &log);

	if (rc < 0)
		conform_result(conform, when, rc);
	else
		conform_line(conform, "%s: 0x%" PRIx64, when, bitmap[0]);
}

static void dirty(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	conform_start(conform);
	say_log(conform, "not asked for");
	conform_until(conform, CONFORM_SYNC);
	conform_result(conform, "log",
		       conform_slot(conform, SLOT_EXTRA, SV_KVM_MEM_LOG_DIRTY_PAGES, extra->first,
				    extra->size, extra->host));
	say_log(conform, "at the beginning");
	conform_until(conform, CONFORM_SYNC);
	say_log(conform, "load, store, pair");
	say_log(conform, "once more");
	/* The host knows what it writes. */
	extra->host[3 * page] = 1;
	conform_until(conform, CONFORM_SYNC);
	say_log(conform, "written by the host");
	conform_until(conform, CONFORM_SYNC);
	say_log(conform, "a second store");
	conform_result(conform, "no log",
		       conform_slot(conform, SLOT_EXTRA, 0, extra->first, extra->size, extra->host));
	say_log(conform, "afterwards");
	conform_drive(conform);
}

/* Memory of the host's that is not there when the guest wants it; and is, when it is run again. */
static void protect(struct conform *conform, int protection)
{
	static const uint32_t ret = 0xd65f03c0;
	struct conform_region *extra = &conform->regions[REGION_EXTRA];

	conform_start(conform);
	memcpy(extra->host, &ret, sizeof(ret));
	mprotect(extra->host, extra->size, protection);
	switch (conform_run(conform)) {
	case CONFORM_FAILED:
		conform_say_pc(conform);
		conform_until(conform, CONFORM_FAILED);
		mprotect(extra->host, extra->size, PROT_READ | PROT_WRITE);
		conform_drive(conform);
		break;
	default:
		break;
	}
}

static void no_access(struct conform *conform)
{
	protect(conform, PROT_NONE);
}

static void only_read(struct conform *conform)
{
	protect(conform, PROT_READ);
}

static void unmapped(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];

	conform_start(conform);
	munmap(extra->host, extra->size);
	conform_until(conform, CONFORM_FAILED);
	conform_say_pc(conform);
}

/* A file that was cut off behind the mapping: the fault is KVM's to take, not a signal for the VMM. */
static void truncated(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	int file = memfd_create("conform", MFD_CLOEXEC);

	conform_start(conform);
	if (file < 0 || ftruncate(file, (off_t)extra->size) ||
	    mmap(extra->host, extra->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) ==
		    MAP_FAILED)
		conform_skip(conform, "no memfd");
	if (ftruncate(file, 0))
		conform_die(conform, "ftruncate failed");
	conform_until(conform, CONFORM_FAILED);
	conform_say_pc(conform);
}

/* As machine.c fills the read-only slot: a table without and with the access flag, a page each. */
static void put_tables(struct conform *conform)
{
	uint8_t *host = conform->regions[REGION_EXTRA].host;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), block = CONFORM_RAM | 0x305,
		 accessed = block | 0x400;

	memcpy(host + page, &accessed, sizeof(accessed));
	memcpy(host + 2 * page, &block, sizeof(block));
}

static void walked(struct conform *conform)
{
	conform_start(conform);
	put_tables(conform);
	conform_drive(conform);
}

#define WALK_SECONDS 5

static void stop(int number)
{
}

/* What a walk writes is a write like any other. */
static void walk_logged(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), entry;
	/* Without SA_RESTART: it ends KVM_RUN. */
	struct sigaction ending = {.sa_handler = stop};

	conform_start(conform);
	put_tables(conform);
	conform_slot(conform, SLOT_EXTRA, SV_KVM_MEM_LOG_DIRTY_PAGES, extra->first, extra->size, extra->host);
	/* QEMU's walks, before version 8, never see that stage 2 lets them write. */
	sigaction(SIGALRM, &ending, NULL);
	alarm(WALK_SECONDS);
	conform_drive(conform);
	alarm(CONFORM_SECONDS);
	signal(SIGALRM, SIG_DFL);
	memcpy(&entry, extra->host + 2 * page, sizeof(entry));
	conform_line(conform, "access flag %u", (unsigned)(entry >> 10 & 1));
	say_log(conform, "log");
}

static void walk_no_access(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];

	conform_start(conform);
	put_tables(conform);
	mprotect(extra->host, extra->size, PROT_NONE);
	conform_until(conform, CONFORM_FAILED);
	mprotect(extra->host, extra->size, PROT_READ | PROT_WRITE);
	conform_drive(conform);
}

/* The VM has the 40 bits that type 0 of KVM_CREATE_VM stands for. */
static void too_high(struct conform *conform)
{
	conform_start(conform);
	if (conform_check(conform, SV_KVM_CAP_ARM_VM_IPA_SIZE) > 40)
		conform->parameter[PARAMETER_VALUE] = UINT64_C(1) << 40;
	conform_drive(conform);
}

static const struct conform_case rows[] = {
	{.name = "memory_first_touch",
	 .summary = "first accesses of every kind are KVM's own business",
	 .expected = "load 0x0\n"
		     "store 0x5a\n"
		     "pair 0x0\n"
		     "exclusive 0x0\n"
		     "done\n"},
	{.name = "memory_straddle",
	 .summary = "one access over two pages",
	 .expected = "loaded 0x1122334455667788\n"
		     "done\n"},
	{.name = "memory_exclusive",
	 .summary = "an exit clears the exclusive monitor",
	 .expected = "mmio read 4 at hole\n"
		     "status 0x1\n"
		     "done\n"},
	{.name = "memory_walk",
	 .host = walked,
	 .summary = "tables that are touched for the first time",
	 .expected = "walked\n"
		     "done\n"},
	{.name = "memory_walk_update",
	 .host = walk_logged,
	 .summary = "what the CPU writes to tables is logged",
	 .expected = "[walk-write=never] run: EINTR\n"
		     "[walk-write=never] access flag 0\n"
		     "[walk-write=never] log: 0x0\n"
		     "[walk-write=seen] walked\n"
		     "[walk-write=seen] done\n"
		     "[walk-write=seen] access flag 1\n"
		     "[walk-write=seen] log: 0x4\n"},
	{.name = "memory_walk_no_access",
	 .flags = CASE_HOST,
	 .guest = "memory_walk",
	 .host = walk_no_access,
	 .summary = "tables in host memory without access: EFAULT",
	 .expected = "run: EFAULT\n"
		     "walked\n"
		     "done\n"},
	{.name = "memory_too_high",
	 .host = too_high,
	 .summary = "above the VM's addresses, not above the host's: an external abort, FAR is the IPA",
	 .expected = "taken: sync from el1h: esr 0x96000010 far 0x10000000108 elr insn spsr 0x3c5\n"
		     "register 0x77\n"
		     "done\n"},
	{.name = "slot_deleted",
	 .guest = "slot_rounds",
	 .host = deleted,
	 .summary = "deleted: a hole; created again: memory",
	 .expected = "delete: 0\n"
		     "mmio read 8 at extra\n"
		     "loaded 0xf1e2d3c4b5a69788\n"
		     "create: 0\n"
		     "loaded 0x1111\n"
		     "delete: 0\n"
		     "create: 0\n"
		     "loaded 0x2222\n"
		     "done\n"},
	{.name = "slot_moved",
	 .host = moved,
	 .summary = "moved: memory there, a hole here",
	 .expected = "move: 0\n"
		     "new place 0x1111\n"
		     "mmio read 8 at extra\n"
		     "old place 0xf1e2d3c4b5a69788\n"
		     "done\n"},
	{.name = "slot_refused",
	 .guest = "nothing",
	 .host = refused,
	 .summary = "slots that are refused",
	 .expected = "overlap: EEXIST\n"
		     "address not of a page: EINVAL\n"
		     "size not of a page: EINVAL\n"
		     "host address not of a page: EINVAL\n"
		     "unknown flag: EINVAL\n"
		     "another size: EINVAL\n"
		     "made read-only: EINVAL\n"
		     "other memory: EINVAL\n"
		     "deleted, which is not there: EINVAL\n"
		     "beyond the VM's addresses: EFAULT\n"},
	{.name = "dirty_log",
	 .guest = "dirty_rounds",
	 .host = dirty,
	 .summary = "the guest's writes are logged, the host's are not",
	 .expected = "not asked for: ENOENT\n"
		     "log: 0\n"
		     "at the beginning: 0x0\n"
		     "load, store, pair: 0x6\n"
		     "once more: 0x0\n"
		     "written by the host: 0x0\n"
		     "a second store: 0x2\n"
		     "no log: 0\n"
		     "afterwards: ENOENT\n"
		     "done\n"},
	{.name = "no_access_load",
	 .flags = CASE_HOST,
	 .guest = "memory_load",
	 .host = no_access,
	 .summary = "host memory without access: EFAULT, until there is",
	 .expected = "run: EFAULT\n"
		     "pc insn\n"
		     "run: EFAULT\n"
		     "register 0x0\n"
		     "done\n"},
	{.name = "no_access_store",
	 .flags = CASE_HOST,
	 .guest = "memory_store",
	 .host = no_access,
	 .summary = "the same for a store",
	 .expected = "run: EFAULT\n"
		     "pc insn\n"
		     "run: EFAULT\n"
		     "over\n"
		     "done\n"},
	{.name = "no_access_pair",
	 .guest = "memory_pair",
	 .host = no_access,
	 .flags = CASE_NISV | CASE_HOST,
	 .summary = "the same for a pair: it has a slot, and is no NISV exit",
	 .expected = "run: EFAULT\n"
		     "pc insn\n"
		     "run: EFAULT\n"
		     "registers 0x0 0x0\n"
		     "done\n"},
	{.name = "no_access_fetch",
	 .flags = CASE_HOST,
	 .guest = "memory_fetch",
	 .host = no_access,
	 .summary = "the same for a fetch",
	 .expected = "run: EFAULT\n"
		     "pc extra\n"
		     "run: EFAULT\n"
		     "back\n"
		     "done\n"},
	{.name = "only_read_load",
	 .guest = "memory_load",
	 .host = only_read,
	 .summary = "host memory that can be read: a load",
	 .expected = "register 0x0\n"
		     "done\n"},
	{.name = "only_read_store",
	 .flags = CASE_HOST,
	 .guest = "memory_store",
	 .host = only_read,
	 .summary = "a store there: EFAULT, until it can be written",
	 .expected = "run: EFAULT\n"
		     "pc insn\n"
		     "run: EFAULT\n"
		     "over\n"
		     "done\n"},
	{.name = "unmapped_load",
	 .flags = CASE_HOST,
	 .guest = "memory_load",
	 .host = unmapped,
	 .summary = "host memory that is gone",
	 .expected = "run: EFAULT\n"
		     "pc insn\n"},
	{.name = "truncated_load",
	 .flags = CASE_HOST,
	 .guest = "memory_load",
	 .host = truncated,
	 .summary = "a file that was cut off: EFAULT, and no signal",
	 .expected = "run: EFAULT\n"
		     "pc insn\n"},
};

const struct conform_group conform_memory = CONFORM_GROUP(rows);
