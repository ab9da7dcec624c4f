/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM's decision over an abort, a case for each branch in softkvm/abort.c's order, on a CPU that can take any
 * abort. What a case does not name must not have happened.
 */
#include <errno.h>
#include <signal.h>

#include "machine.h"
#include "scripted-cpu.h"

#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR 4
#endif

#define DABT      (UINT64_C(0x24) << 26 | IL)
#define IABT      (UINT64_C(0x20) << 26 | IL)
#define IL        (UINT64_C(1) << 25)
#define ISV       (UINT64_C(1) << 24)
#define FnV       (UINT64_C(1) << 10)
#define EA        (UINT64_C(1) << 9)
#define CM        (UINT64_C(1) << 8)
#define S1PTW     (UINT64_C(1) << 7)
#define WnR       (UINT64_C(1) << 6)
#define SET(n)    ((uint64_t)(n) << 11)
#define SRT(n)    ((uint64_t)(n) << 16)
#define SAS(n)    ((uint64_t)(n) << 22)
#define SF        (UINT64_C(1) << 15)
#define LST(n)    ((uint64_t)(n) << 11)
#define TRANS     0x07
#define ACCESS    0x0b
#define PERM      0x0f
#define EXT       0x10
#define MODE_EL1h UINT64_C(0x3c5)

/* What follows. GUEST: the guest goes on without an exception, until its turn is over. */
enum outcome { GUEST, EXCEPTION, EXIT, FAIL };

enum {
	NISV = 1,
	SEA = 2,
	NO_RAS = 4,
	EL0 = 8,
	SERROR = 16,    /* unmasked; an SError is the exception */
	PENDING = 32,   /* an SError is pending afterwards */
	SKIPPED = 64,   /* the PC moved on by 4 */
	IABT_EXT = 128, /* the proposed extension */
	OLD = 256,      /* 6.12 */
	TABLE = 1024,   /* stage 1 on, its table in the hole */
	MMU = 512, /* stage 1 on: one table at RAM + 0x8000, blocks 1:1 but for the one of FAR 0x80000000 */
};

struct test {
	const char *name;
	unsigned flags;
	uint64_t esr, far, ipa;
	enum outcome outcome;
	uint32_t exit; /* EXIT and FAIL */
	int error;     /* FAIL */
	/* EXCEPTION: ESR_EL1 and FAR_EL1. EXIT: by kind esr_iss and fault_ipa, or esr and gva. */
	uint64_t value, address;
	uint64_t gpa, gpa_flags; /* SEA, and memory faults */
	struct sv_soft_poison poison;
	int sigbus; /* its code */
};

#define POISON(what, ...)                                                           \
	{                                                                           \
		.gpa = RAM + PAGE, .error = SV_SOFT_##what, .times = 1, __VA_ARGS__ \
	}

static const struct test tests[] = {
	/* 1. What the hardware reports */
	{"SEA, capability on", SEA, DABT | ISV | SRT(3) | SF | EXT, RAM + PAGE + 8, RAM + PAGE, EXIT,
	 SV_KVM_EXIT_ARM_SEA, 0, DABT | EXT, RAM + PAGE + 8, RAM + PAGE, 1, POISON(SEA)},
	{"SEA, that nobody made", SEA, DABT | EXT, RAM + PAGE + 8, RAM + PAGE, EXIT, SV_KVM_EXIT_ARM_SEA, 0,
	 DABT | EXT, RAM + PAGE + 8, RAM + PAGE, 1},
	{"SEA, what the exit keeps", SEA, DABT | SET(2) | EA | CM | WnR | EXT, RAM + PAGE, RAM + PAGE, EXIT,
	 SV_KVM_EXIT_ARM_SEA, 0, DABT | SET(2) | EA | CM | WnR | EXT, RAM + PAGE, RAM + PAGE, 1},
	{"SEA, instruction", SEA, IABT | EXT, RAM + PAGE, RAM + PAGE, EXIT, SV_KVM_EXIT_ARM_SEA, 0,
	 IABT | EXT, RAM + PAGE, RAM + PAGE, 1, POISON(SEA, .fetch = true)},
	{"SEA, no address", SEA, DABT | FnV | EXT, 0, RAM + PAGE, EXIT, SV_KVM_EXIT_ARM_SEA, 0,
	 DABT | FnV | EXT, 0, 0, 0, POISON(SEA, .fnv = true)},
	{"SEA on a walk: no GPA", SEA, DABT | 0x17, RAM + PAGE, RAM + PAGE, EXIT, SV_KVM_EXIT_ARM_SEA, 0,
	 DABT | 0x17, RAM + PAGE, 0, 0},
	{"parity error", SEA, DABT | 0x18, RAM + PAGE, RAM + PAGE, EXIT, SV_KVM_EXIT_ARM_SEA, 0, DABT | 0x18,
	 RAM + PAGE, RAM + PAGE, 1},
	{"parity error on a walk, level -1", SEA, DABT | 0x1b, RAM + PAGE, RAM + PAGE, EXIT,
	 SV_KVM_EXIT_ARM_SEA, 0, DABT | 0x1b, RAM + PAGE, 0, 0},
	{"SEA whose address has no translation: again", SEA | MMU, DABT | EXT, 0x80000000, RAM + PAGE, GUEST},
	{"SEA, capability off, SError masked", PENDING, DABT | EXT, RAM + PAGE, RAM + PAGE, GUEST},
	{"SEA, capability off, SError unmasked", SERROR, DABT | EXT, RAM + PAGE, RAM + PAGE, EXCEPTION,
	 .value = UINT64_C(0xbf000000)},
	{"SEA, capability off, before 6.17: pending", SERROR | OLD | PENDING, DABT | EXT, RAM + PAGE,
	 RAM + PAGE, GUEST},
	{"SEA, no RAS: the host's", SEA | NO_RAS | PENDING, DABT | EXT, RAM + PAGE, RAM + PAGE, GUEST},
	{"SEA on a walk of stage 2: the host's", SEA | PENDING, DABT | S1PTW | 0x17, RAM + PAGE, RAM + PAGE,
	 GUEST},
	{"SEA on a walk, the poison says stage 2", SEA | PENDING, DABT | 0x17, RAM, RAM + PAGE, GUEST,
	 .poison = POISON(SEA, .stage2 = true)},
	{"SEA with S1PTW, no walk: not the host's", SEA, DABT | S1PTW | EXT, RAM + PAGE, RAM + PAGE, EXIT,
	 SV_KVM_EXIT_ARM_SEA, 0, DABT | EXT, RAM + PAGE, RAM + PAGE, 1},
	{"claimed", SEA, DABT | EXT, RAM + PAGE, RAM + PAGE, GUEST, .poison = POISON(CLAIMED)},
	{"claimed, capability off: no SError", SERROR, DABT | EXT, RAM + PAGE, RAM + PAGE, GUEST,
	 .poison = POISON(CLAIMED)},
	{"claimed, not recovered", SEA, DABT | EXT, RAM + PAGE, RAM + PAGE, FAIL, SV_KVM_EXIT_INTR, EINTR,
	 .poison = POISON(CLAIMED_BAD), .sigbus = SI_KERNEL},

	/* 2. to 4. Addresses and statuses */
	{"beyond every VM's limit", 0, DABT | TRANS, 0x123, UINT64_C(1) << 48, EXCEPTION,
	 .value = UINT64_C(0x25) << 26 | IL, .address = (UINT64_C(1) << 48) + 0x123},
	{"beyond every VM's limit, instruction", 0, IABT | TRANS, 0x120, UINT64_C(1) << 48, EXCEPTION,
	 .value = UINT64_C(0x21) << 26 | IL, .address = (UINT64_C(1) << 48) + 0x120},
	{"beyond this VM's", NISV, DABT | TRANS, 0x123, UINT64_C(1) << 40, EXCEPTION,
	 .value = UINT64_C(0x25) << 26 | IL | EXT, .address = (UINT64_C(1) << 40) + 0x123},
	{"address size fault", 0, DABT | 0x03, RAM, RAM, FAIL, SV_KVM_EXIT_UNKNOWN, EFAULT},
	{"alignment fault", 0, DABT | 0x21, RAM, RAM, FAIL, SV_KVM_EXIT_UNKNOWN, EFAULT},
	{"permission fault whose address has no translation: again", MMU, DABT | WnR | PERM, 0x80000000, ROM,
	 GUEST},
	{"TLB conflict", 0, DABT | 0x30, RAM, RAM, FAIL, SV_KVM_EXIT_UNKNOWN, EFAULT},

	/* 6. No memory */
	{"instruction", NISV, IABT | TRANS, HOLE + 4, HOLE, EXCEPTION,
	 .value = UINT64_C(0x21) << 26 | IL | EXT, .address = HOLE + 4},
	{"instruction from EL0", EL0, IABT | TRANS, HOLE + 4, HOLE, EXCEPTION, .value = IABT | EXT,
	 .address = HOLE + 4},
	{"instruction in a read-only slot: memory", NISV, IABT | TRANS, ROM, ROM, GUEST},
	{"table of stage 1", TABLE, DABT | S1PTW | 0x05, 0x1238, HOLE, EXCEPTION,
	 .value = UINT64_C(0x25) << 26 | IL | 0x15, .address = 0x1238},
	{"table of stage 1, before 6.17", TABLE | OLD, DABT | S1PTW | 0x05, 0x1238, HOLE, EXCEPTION,
	 .value = UINT64_C(0x25) << 26 | IL | EXT, .address = 0x1238},
	{"table of stage 1, which no level reads any more: again", TABLE, DABT | S1PTW | 0x06, 0x1238,
	 HOLE + PAGE, GUEST},
	{"table of stage 1, of an instruction", TABLE, IABT | S1PTW | 0x05, 0x1238, HOLE, EXCEPTION,
	 .value = UINT64_C(0x21) << 26 | IL | 0x15, .address = 0x1238},
	{"table of stage 1 in memory", TABLE, DABT | S1PTW | 0x07, 0x1238, RAM + PAGE, GUEST},
	{"table of stage 1, written by the CPU, read-only", TABLE, DABT | S1PTW | PERM, 0x1238, ROM, GUEST},
	{"table of stage 1, read, read-only: memory", TABLE, DABT | S1PTW | 0x07, 0x1238, ROM, GUEST},
	{"CM", SKIPPED, DABT | CM | WnR | TRANS, HOLE, HOLE, GUEST},
	{"CM on a read-only slot", NISV, DABT | CM | WnR | PERM, ROM + 0x40, ROM, EXIT, SV_KVM_EXIT_ARM_NISV,
	 0, CM | WnR | PERM, ROM + 0x40},
	{"write to a read-only slot", NISV, DABT | WnR | PERM, ROM + 8, ROM, EXIT, SV_KVM_EXIT_ARM_NISV, 0,
	 WnR | PERM, ROM + 8},
	{"write to a read-only slot, described", 0, DABT | ISV | SRT(2) | WnR | PERM, ROM + 8, ROM, EXIT,
	 SV_KVM_EXIT_MMIO, 0, WnR, ROM + 8},
	{"not described, capability on", NISV, DABT | WnR | TRANS, HOLE + 0x123, HOLE, EXIT,
	 SV_KVM_EXIT_ARM_NISV, 0, WnR | TRANS, HOLE + 0x123},
	{"not described, what the exit keeps", NISV, DABT | 0xfe00 | TRANS, HOLE, HOLE, EXIT,
	 SV_KVM_EXIT_ARM_NISV, 0, TRANS, HOLE},
	{"not described, capability off", SEA, DABT | TRANS, HOLE, HOLE, FAIL, SV_KVM_EXIT_UNKNOWN, ENOSYS},
	{"described load", NISV, DABT | ISV | SAS(2) | SRT(1) | TRANS, HOLE + 4, HOLE, EXIT, SV_KVM_EXIT_MMIO,
	 0, 0, HOLE + 4},
	{"LD64B", 0, DABT | ISV | SAS(3) | SRT(4) | LST(2) | TRANS, HOLE, HOLE, EXIT, SV_KVM_EXIT_ARM_LDST64B,
	 0, ISV | SAS(3) | SRT(4) | LST(2), HOLE},

	/* 7. Memory */
	{"first touch", NISV, DABT | TRANS, RAM + PAGE, RAM + PAGE, GUEST},
	{"access flag", NISV, DABT | ACCESS, RAM + PAGE, RAM + PAGE, GUEST},
	{"access flag, no memory", NISV, DABT | ACCESS, HOLE, HOLE, EXIT, SV_KVM_EXIT_ARM_NISV, 0, ACCESS,
	 HOLE},
	{"exclusive", NISV, DABT | 0x35, RAM + PAGE + 8, RAM + PAGE, EXCEPTION,
	 .value = UINT64_C(0x25) << 26 | IL | 0x35, .address = RAM + PAGE + 8},
	{"poisoned page", SEA, DABT | TRANS, RAM + PAGE, RAM + PAGE, FAIL, SV_KVM_EXIT_INTR, EINTR,
	 .poison = POISON(HWPOISON), .sigbus = BUS_MCEERR_AR},
	{"poisoned page of guest_memfd", SEA, DABT | TRANS, RAM + PAGE, RAM + PAGE, FAIL,
	 SV_KVM_EXIT_MEMORY_FAULT, EHWPOISON, .gpa = RAM + PAGE, .poison = POISON(MEMORY_FAULT)},
	{"page that is gone", SEA, DABT | TRANS, RAM + PAGE, RAM + PAGE, FAIL, SV_KVM_EXIT_MEMORY_FAULT,
	 EFAULT, .gpa = RAM + PAGE, .poison = POISON(GONE)},

	/* The proposed extension: FnV of the abort is the guest's */
	{"FnV", IABT_EXT | NISV, IABT | FnV | TRANS, HOLE, HOLE, EXCEPTION,
	 .value = UINT64_C(0x21) << 26 | IL | FnV | EXT, .address = HOLE},
	{"FnV in mainline", NISV, IABT | FnV | TRANS, HOLE, HOLE, EXCEPTION,
	 .value = UINT64_C(0x21) << 26 | IL | EXT, .address = HOLE},
};

static void set_up(struct machine *m, const struct test *test)
{
	struct sv_soft_config config = {.no_ras = test->flags & NO_RAS,
					.ext_iabt = test->flags & IABT_EXT,
					.kernel = test->flags & OLD ? SV_SOFT_LINUX_6_12 : SV_SOFT_LINUX_7_1};

	machine_open(m, &config);
	if (test->flags & NISV)
		assert_int_equal(machine_enable(m, SV_KVM_CAP_ARM_NISV_TO_USER), 0);
	if (test->flags & SEA)
		assert_int_equal(machine_enable(m, SV_KVM_CAP_ARM_SEA_TO_USER), 0);
	if (test->flags & (EL0 | SERROR))
		machine_set(m, PSTATE, test->flags & EL0 ? 0 : MODE_EL1h & ~UINT64_C(0x100));
	if (test->flags & MMU) {
		/* Level 1 of 39 bits: 1 GiB blocks, MAIR 0; the third one is not there. */
		uint64_t *table = (uint64_t *)(m->ram + 0x8000);

		table[0] = 0x0 | 0x701;
		table[1] = 0x40000000 | 0x701;
		machine_set(m, TTBR0, RAM + 0x8000);
		machine_set(m, TCR, 25 | UINT64_C(5) << 32);
		machine_set(m, SCTLR, 0x30d00801);
	}
	if (test->flags & TABLE) {
		machine_set(m, TTBR0, HOLE);
		machine_set(m, TCR, 25 | UINT64_C(5) << 32);
		machine_set(m, SCTLR, 0x30d00801);
	}
	if (test->poison.gpa)
		assert_int_equal(sv_soft_poison(m->soft, m->vm, &test->poison), 0);
}

static void check_exit(const struct test *test, const struct sv_kvm_run *run)
{
	switch (run->exit_reason) {
	case SV_KVM_EXIT_ARM_SEA:
		check(test->name, run->arm_sea.esr == test->value);
		check(test->name, run->arm_sea.gva == test->address);
		check(test->name, run->arm_sea.gpa == test->gpa);
		check(test->name, run->arm_sea.flags == test->gpa_flags);
		break;
	case SV_KVM_EXIT_ARM_NISV:
	case SV_KVM_EXIT_ARM_LDST64B:
		check(test->name, run->arm_nisv.esr_iss == test->value);
		check(test->name, run->arm_nisv.fault_ipa == test->address);
		break;
	case SV_KVM_EXIT_MMIO:
		check(test->name, run->mmio.phys_addr == test->address);
		check(test->name, run->mmio.is_write == !!(test->value & WnR));
		check(test->name, run->mmio.len == 1u << (test->esr >> 22 & 3));
		break;
	case SV_KVM_EXIT_MEMORY_FAULT:
		check(test->name, run->memory_fault.gpa == test->gpa);
		check(test->name, run->memory_fault.size == PAGE && !run->memory_fault.flags);
		break;
	}
}

static void check_state(struct machine *m, const struct test *test)
{
	uint64_t row = test->flags & EL0 ? 0x400 : 0x200, vector = test->flags & SERROR ? 0x180 : 0;
	struct sv_kvm_vcpu_events events;

	machine_ioctl(m, m->vcpu, SV_KVM_GET_VCPU_EVENTS, &events);
	check(test->name, events.exception.serror_pending == !!(test->flags & PENDING));
	if (test->outcome == EXCEPTION) {
		check(test->name, machine_get(m, PC) == RAM + 0x800 + row + vector);
		check(test->name, machine_get(m, ELR) == RAM);
		check(test->name, machine_get(m, ESR) == test->value);
		check(test->name, machine_get(m, FAR) == test->address);
	} else {
		check(test->name, machine_get(m, PC) == RAM + (test->flags & SKIPPED ? 4 : 0));
		check(test->name, !machine_get(m, ESR) && !machine_get(m, FAR));
	}
}

static void branches(void **state)
{
	for (size_t i = 0; i < COUNT(tests); i++) {
		const struct test *test = &tests[i];
		struct scripted_step step = {SOFT_ABORT, test->esr, test->far, test->ipa};
		struct machine m;
		int rc;

		set_up(&m, test);
		scripted_play(&step, 1);
		/* Turns of one instruction: the guest that goes on comes back at once. */
		sv_soft_schedule(m.soft, m.vm, 1, 1);
		assert_int_equal(sv_soft_next(m.soft, m.vm), m.vcpu);
		rc = machine_run(&m);
		switch (test->outcome) {
		case GUEST:
		case EXCEPTION:
			check(test->name, rc == -EINTR && m.run->exit_reason == SV_KVM_EXIT_INTR);
			check(test->name, scripted_entries() == 2);
			break;
		case EXIT:
			check(test->name, rc == 0 && m.run->exit_reason == test->exit);
			check_exit(test, m.run);
			break;
		case FAIL:
			check(test->name, rc == -test->error && m.run->exit_reason == test->exit);
			check_exit(test, m.run);
			break;
		}
		check(test->name, m.sigbus_count == !!test->sigbus && m.sigbus_code == test->sigbus);
		if (test->sigbus == BUS_MCEERR_AR)
			check(test->name, m.sigbus_address == m.ram + PAGE && m.sigbus_lsb == 12);
		check_state(&m, test);
		machine_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(branches),
	};

	return cmocka_run_group_tests_name("softkvm-abort", all, NULL, NULL);
}
