/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that goes bad: SIGBUS for a page that is poisoned, KVM_EXIT_ARM_SEA for an abort that nobody claims.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../case.h"

static volatile sig_atomic_t signals;
static siginfo_t last;

static void note(int number, siginfo_t *info, void *context)
{
	last = *info;
	signals++;
}

static void say_signals(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t at = (uintptr_t)last.si_addr - (uintptr_t)extra->host;

	conform_line(conform, "signals: %d", (int)signals);
	if (signals)
		conform_line(conform, "SIGBUS: %s, page %" PRIuPTR ", %s",
			     last.si_code == BUS_MCEERR_AR   ? "BUS_MCEERR_AR"
			     : last.si_code == BUS_MCEERR_AO ? "BUS_MCEERR_AO"
							     : "another code",
			     at / page, 1ul << last.si_addr_lsb == page ? "of one page" : "of another size");
	signals = 0;
}

/* The page at the beginning of EXTRA; what the poisoning itself signals does not count. */
static void poison(struct conform *conform)
{
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	const char *why;

	conform_start(conform);
	sigaction(SIGBUS, &action, NULL);
	extra->host[0] = 0;
	why = conform_poison(conform, extra->first, extra->host, (size_t)sysconf(_SC_PAGESIZE));
	if (why)
		conform_skip(conform, "%s", why);
	signals = 0;
}

static void poisoned(struct conform *conform)
{
	poison(conform);
	for (unsigned i = 0; i < 2; i++) {
		switch (conform_run(conform)) {
		case CONFORM_FAILED:
			break;
		default:
			conform_die(conform, "the guest got past the poison");
		}
		say_signals(conform);
		conform_say_pc(conform);
	}
}

/* The guest's memory is a guest_memfd, which the host maps too; there poison is an exit, not a signal. */
static void poisoned_memfd(struct conform *conform)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	struct sv_kvm_create_guest_memfd create = {.flags = SV_GUEST_MEMFD_FLAG_MMAP |
							    SV_GUEST_MEMFD_FLAG_INIT_SHARED};
	struct sv_kvm_userspace_memory_region2 slot = {.slot = SLOT_EXTRA, .flags = SV_KVM_MEM_GUEST_MEMFD};
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
	const char *why;
	int flags, file, rc;

	conform_start(conform);
	flags = conform_check(conform, SV_KVM_CAP_GUEST_MEMFD_FLAGS);
	create.size = extra->size;
	if (flags < 0 || ((uint64_t)flags & create.flags) != create.flags)
		conform_skip(conform, "no guest_memfd that the host can map (KVM_CAP_GUEST_MEMFD_FLAGS)");
	file = conform_vm_ioctl(conform, SV_KVM_CREATE_GUEST_MEMFD, &create);
	if (file < 0)
		conform_die(conform, "KVM_CREATE_GUEST_MEMFD: %s", conform_errno(-file));
	munmap(extra->host, extra->size);
	extra->host = mmap(NULL, extra->size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (extra->host == MAP_FAILED)
		conform_die(conform, "guest_memfd cannot be mapped");
	conform_slot(conform, SLOT_EXTRA, 0, extra->first, 0, NULL);
	slot.guest_phys_addr = extra->first;
	slot.memory_size = extra->size;
	slot.userspace_addr = (uintptr_t)extra->host;
	slot.guest_memfd = (uint32_t)file;
	rc = conform_vm_ioctl(conform, SV_KVM_SET_USER_MEMORY_REGION2, &slot);
	if (rc < 0)
		conform_die(conform, "KVM_SET_USER_MEMORY_REGION2: %s", conform_errno(-rc));
	sigaction(SIGBUS, &action, NULL);
	extra->host[0] = 0;
	why = conform_poison(conform, extra->first, extra->host, (size_t)sysconf(_SC_PAGESIZE));
	if (why)
		conform_skip(conform, "%s", why);
	signals = 0;
	conform_until(conform, CONFORM_FAILED);
	say_signals(conform);
	conform_say_pc(conform);
}

static void arm(struct conform *conform, unsigned flags)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	const char *why;

	conform_start(conform);
	/* DDI 0487, ID_AA64PFR0_EL1.RAS. */
	if (conform->row->flags & CASE_SEA &&
	    !(conform_get(conform,
			  SV_KVM_SYSREG(UINT64_C(3), UINT64_C(0), UINT64_C(0), UINT64_C(4), UINT64_C(0))) >>
		      28 &
	      0xf))
		conform_skip(conform, "no FEAT_RAS: KVM keeps such errors to the host");
	why = conform_sea(conform, extra->first, flags);
	if (why)
		conform_skip(conform, "%s", why);
}

/* The exit, then the abort that a VMM asks for in the guest's name. */
static void replayed(struct conform *conform, unsigned flags)
{
	struct sv_kvm_vcpu_events events = {.exception.ext_dabt_pending = 1};

	arm(conform, flags);
	conform_until(conform, CONFORM_EXIT);
	conform_say_pc(conform);
	conform_result(conform, "KVM_SET_VCPU_EVENTS",
		       conform_vcpu_ioctl(conform, SV_KVM_SET_VCPU_EVENTS, &events));
	conform_drive(conform);
}

static void sea(struct conform *conform)
{
	replayed(conform, 0);
}

static void sea_fnv(struct conform *conform)
{
	replayed(conform, CONFORM_SEA_FNV);
}

/* Run again without anything done: the access is made once more. */
static void sea_ignored(struct conform *conform)
{
	arm(conform, 0);
	conform_until(conform, CONFORM_EXIT);
	conform_drive(conform);
}

static void sea_fetch(struct conform *conform)
{
	static const uint32_t ret = 0xd65f03c0;

	arm(conform, CONFORM_SEA_INSN);
	/* By the host, and before the guest is there: it faults all the same. */
	memcpy(conform->regions[REGION_EXTRA].host, &ret, sizeof(ret));
	conform_until(conform, CONFORM_EXIT);
	conform_say_pc(conform);
	conform_drive(conform);
}

/* Nobody wants it: the guest gets an SError, which is masked, and the access is made once more. */
static void sea_off(struct conform *conform)
{
	arm(conform, 0);
	conform_drive(conform);
	conform_say_events(conform);
}

static const struct conform_case rows[] = {
	{.name = "poison_load",
	 .guest = "memory_load",
	 .host = poisoned,
	 .summary = "a poisoned page: SIGBUS to the vCPU's thread, each time",
	 .expected = "run: EINTR\n"
		     "signals: 1\n"
		     "SIGBUS: BUS_MCEERR_AR, page 0, of one page\n"
		     "pc insn\n"
		     "run: EINTR\n"
		     "signals: 1\n"
		     "SIGBUS: BUS_MCEERR_AR, page 0, of one page\n"
		     "pc insn\n"},
	{.name = "poison_store",
	 .guest = "memory_store",
	 .host = poisoned,
	 .summary = "the same for a store",
	 .expected = "run: EINTR\n"
		     "signals: 1\n"
		     "SIGBUS: BUS_MCEERR_AR, page 0, of one page\n"
		     "pc insn\n"
		     "run: EINTR\n"
		     "signals: 1\n"
		     "SIGBUS: BUS_MCEERR_AR, page 0, of one page\n"
		     "pc insn\n"},
	{.name = "poison_pair",
	 .guest = "memory_pair",
	 .host = poisoned,
	 .flags = CASE_NISV | CASE_SEA,
	 .summary = "the same for a pair: no exit of any kind",
	 .expected = "run: EINTR\n"
		     "signals: 1\n"
		     "SIGBUS: BUS_MCEERR_AR, page 0, of one page\n"
		     "pc insn\n"
		     "run: EINTR\n"
		     "signals: 1\n"
		     "SIGBUS: BUS_MCEERR_AR, page 0, of one page\n"
		     "pc insn\n"},
	{.name = "poison_fetch",
	 .guest = "memory_fetch",
	 .host = poisoned,
	 .summary = "the same for a fetch",
	 .expected = "run: EINTR\n"
		     "signals: 1\n"
		     "SIGBUS: BUS_MCEERR_AR, page 0, of one page\n"
		     "pc extra\n"
		     "run: EINTR\n"
		     "signals: 1\n"
		     "SIGBUS: BUS_MCEERR_AR, page 0, of one page\n"
		     "pc extra\n"},
	{.name = "poison_memfd",
	 .guest = "memory_load",
	 .host = poisoned_memfd,
	 .summary = "poison in a guest_memfd: KVM_EXIT_MEMORY_FAULT",
	 .expected = "run: EHWPOISON\n"
		     "memory fault: flags 0x0 gpa extra, one page\n"
		     "signals: 0\n"
		     "pc insn\n"},
	{.name = "sea_load",
	 .guest = "memory_load",
	 .host = sea,
	 .flags = CASE_SEA,
	 .summary = "an unclaimed abort: KVM_EXIT_ARM_SEA, replayed",
	 .expected = "sea: flags 0x1 esr 0x92000010 gva extra+0x108 gpa extra\n"
		     "pc insn\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "taken: sync from el1h: esr 0x96000010 far extra+0x108 elr insn spsr 0x3c5\n"
		     "register 0x77\n"
		     "done\n"},
	{.name = "sea_store",
	 .guest = "memory_store",
	 .host = sea,
	 .flags = CASE_SEA,
	 .summary = "the same for a store",
	 .expected = "sea: flags 0x1 esr 0x92000050 gva extra+0x110 gpa extra\n"
		     "pc insn\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "taken: sync from el1h: esr 0x96000010 far extra+0x110 elr insn spsr 0x3c5\n"
		     "over\n"
		     "done\n"},
	{.name = "sea_pair",
	 .guest = "memory_pair",
	 .host = sea,
	 .flags = CASE_SEA,
	 .summary = "the same for a pair",
	 .expected = "sea: flags 0x1 esr 0x92000010 gva extra+0x108 gpa extra\n"
		     "pc insn\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "taken: sync from el1h: esr 0x96000010 far extra+0x108 elr insn spsr 0x3c5\n"
		     "registers 0x77 0x78\n"
		     "done\n"},
	{.name = "sea_fnv",
	 .guest = "memory_load_unknown",
	 .host = sea_fnv,
	 .flags = CASE_SEA,
	 .summary = "without an address",
	 .expected = "sea: flags 0x0 esr 0x92000410 gva - gpa -\n"
		     "pc insn\n"
		     "KVM_SET_VCPU_EVENTS: 0\n"
		     "taken: sync from el1h: esr 0x96000010 elr insn spsr 0x3c5\n"
		     "register 0x77\n"
		     "done\n"},
	{.name = "sea_fetch",
	 .guest = "memory_fetch",
	 .host = sea_fetch,
	 .flags = CASE_SEA,
	 .summary = "on an instruction fetch",
	 .expected = "sea: flags 0x1 esr 0x82000010 gva extra gpa extra\n"
		     "pc extra\n"
		     "back\n"
		     "done\n"},
	{.name = "sea_ignored",
	 .guest = "memory_load",
	 .host = sea_ignored,
	 .flags = CASE_SEA,
	 .summary = "nothing is completed by it",
	 .expected = "sea: flags 0x1 esr 0x92000010 gva extra+0x108 gpa extra\n"
		     "register 0x0\n"
		     "done\n"},
	{.name = "sea_off",
	 .guest = "memory_load",
	 .host = sea_off,
	 .summary = "without the capability: an SError for the guest",
	 .expected = "register 0x0\n"
		     "done\n"
		     "events: serror 1, ext_dabt 0\n"},
};

const struct conform_group conform_errors = CONFORM_GROUP(rows);
