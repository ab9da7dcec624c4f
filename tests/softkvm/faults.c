/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults at will: poison and its signal, hooks, requests that fail, the schedule. */
#include <errno.h>
#include <signal.h>

#include "machine.h"
#include "scripted-cpu.h"

#define DABT  (UINT64_C(0x24) << 26 | UINT64_C(1) << 25)
#define TRANS 0x07
#define EXT   0x10

#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR 4
#endif

static struct soft_page look(struct machine *m, uint64_t ipa, struct soft_lookup lookup)
{
	struct soft_vcpu *vcpu = (struct soft_vcpu *)soft_object(m->soft, m->vcpu, SOFT_KIND_VCPU);
	struct soft_page page;
	bool found = vcpu->bus.page(vcpu->bus.opaque, ipa, lookup, &page);

	assert_int_equal(found, page.host != NULL);
	return page;
}

static int run_at(struct machine *m, uint64_t esr, uint64_t ipa)
{
	struct scripted_step step = {SOFT_ABORT, esr, ipa, ipa};

	scripted_play(&step, 1);
	sv_soft_schedule(m->soft, m->vm, 1, 1);
	sv_soft_next(m->soft, m->vm);
	return machine_run(m);
}

/* What the CPU is told of a bad page, by what for, and for how long. */
static void pages(void **state)
{
	static const struct soft_lookup load = {0}, fetch = {.fetch = true}, walk = {.walk = true};
	struct sv_soft_poison poison = {
		.gpa = RAM + PAGE + 0x123, .times = 2, .fnv = true, .ea = true, .set = 3};
	struct machine m;
	struct soft_page page;

	machine_open(&m, NULL);
	assert_int_equal(machine_enable(&m, SV_KVM_CAP_ARM_SEA_TO_USER), 0);
	assert_int_equal(sv_soft_poison(m.soft, m.vm, &poison), 0);
	/* Stage 2 has not mapped it yet, which is seen first. */
	assert_int_equal(look(&m, RAM + PAGE, load).fsc, TRANS);
	assert_int_equal(run_at(&m, DABT | TRANS, RAM + PAGE), -EINTR);
	page = look(&m, RAM + PAGE, load);
	assert_int_equal(page.fsc, EXT);
	assert_true(page.fnv && page.ea && page.once && page.set == 3);
	page = look(&m, RAM + PAGE, walk);
	assert_true(page.fsc == EXT && !page.fnv);
	page = look(&m, RAM + PAGE, fetch);
	assert_true(page.host == m.ram + PAGE && page.once);
	poison.fetch = true;
	poison.times = 0;
	assert_int_equal(sv_soft_poison(m.soft, m.vm, &poison), 0);
	/* Twice, and for ever. */
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(look(&m, RAM + PAGE, fetch).fsc, EXT);
		assert_int_equal(run_at(&m, (UINT64_C(0x20) << 26) | EXT, RAM + PAGE), 0);
		assert_true(i < 2 ? !look(&m, RAM + PAGE, load).host : !!look(&m, RAM + PAGE, load).host);
		assert_int_equal(run_at(&m, DABT | EXT, RAM + PAGE), 0);
	}
	assert_int_equal(sv_soft_heal(m.soft, m.vm, RAM + PAGE), 0);
	assert_int_equal(sv_soft_heal(m.soft, m.vm, RAM + PAGE), -ENOENT);
	page = look(&m, RAM + PAGE, fetch);
	assert_true(page.host && !page.once);
	assert_int_equal(sv_soft_poison(m.soft, m.vcpu, &poison), -EBADF);
	assert_int_equal(sv_soft_heal(m.soft, m.vcpu, 0), -EBADF);
	machine_close(&m);
}

static void many(void **state)
{
	struct machine m;

	machine_open(&m, NULL);
	for (unsigned i = 0; i <= SV_SOFT_POISONED; i++) {
		struct sv_soft_poison poison = {.gpa = i * PAGE};

		assert_int_equal(sv_soft_poison(m.soft, m.vm, &poison), i < SV_SOFT_POISONED ? 0 : -ENOSPC);
	}
	machine_close(&m);
}

static int leave_after(void *opaque, const struct sv_soft_event *event)
{
	((struct machine *)opaque)->run->immediate_exit = 1;
	return 0;
}

/* Firmware claims: nothing, then the signal, for this and every later access. */
static void claimed(void **state)
{
	struct sv_soft_poison poison = {.gpa = RAM + PAGE, .error = SV_SOFT_CLAIMED, .lsb = 21};
	struct machine m;

	machine_open(&m, NULL);
	assert_int_equal(machine_enable(&m, SV_KVM_CAP_ARM_SEA_TO_USER), 0);
	run_at(&m, DABT | TRANS, RAM + PAGE);
	assert_int_equal(sv_soft_poison(m.soft, m.vm, &poison), 0);
	assert_int_equal(run_at(&m, DABT | EXT, RAM + PAGE), -EINTR);
	assert_int_equal(m.sigbus_count, 0);
	assert_int_equal(look(&m, RAM + PAGE, (struct soft_lookup){0}).fsc, TRANS);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(run_at(&m, DABT | TRANS, RAM + PAGE), -EINTR);
		assert_int_equal(scripted_entries(), 1);
		assert_int_equal(m.sigbus_count, i);
		assert_int_equal(m.sigbus_code, BUS_MCEERR_AR);
		assert_ptr_equal(m.sigbus_address, m.ram + PAGE);
		assert_int_equal(m.sigbus_lsb, 21);
		assert_int_equal(machine_get(&m, PC), RAM);
	}
	machine_close(&m);
}

/* The VM's own descriptor may be closed long since, and its number another's. */
static void claimed_without_vm(void **state)
{
	struct sv_soft_poison poison = {.gpa = RAM + PAGE, .error = SV_SOFT_CLAIMED};
	struct scripted_step step = {SOFT_ABORT, DABT | TRANS, RAM + PAGE, RAM + PAGE};
	struct machine m;

	machine_open(&m, NULL);
	run_at(&m, DABT | TRANS, RAM + PAGE);
	sv_soft_schedule(m.soft, m.vm, 0, 0);
	assert_int_equal(sv_soft_poison(m.soft, m.vm, &poison), 0);
	assert_int_equal(sv_soft_close(m.soft, m.vm), 0);
	step.esr = DABT | EXT;
	scripted_play(&step, 1);
	m.run->immediate_exit = 0;
	sv_soft_set_hook(m.soft, SV_SOFT_AT_ABORT, leave_after, &m);
	assert_int_equal(machine_run(&m), -EINTR);
	assert_int_equal(look(&m, RAM + PAGE, (struct soft_lookup){0}).fsc, TRANS);
	machine_close(&m);
}

static volatile sig_atomic_t signals;
static siginfo_t last;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	signals++;
	last = *info;
}

/* Without a hook it is a real signal, with the kernel's own code. */
static void real_signal(void **state)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO}, before;
	struct sv_soft_poison poison = {.gpa = RAM, .error = SV_SOFT_HWPOISON};
	struct sv_soft *soft = sv_soft_new(NULL);
	static uint8_t ram[4096] __attribute__((aligned(4096)));
	int kvm = sv_soft_open(soft), vm = sv_soft_ioctl(soft, kvm, SV_KVM_CREATE_VM, NULL);
	int vcpu = sv_soft_ioctl(soft, vm, SV_KVM_CREATE_VCPU, NULL);
	struct sv_kvm_userspace_memory_region region = {0, 0, RAM, PAGE, (uintptr_t)ram};
	struct sv_kvm_vcpu_init init;
	struct scripted_step step = {SOFT_ABORT, DABT | TRANS, RAM, RAM};

	sigaction(SIGBUS, &action, &before);
	assert_int_equal(sv_soft_ioctl(soft, vm, SV_KVM_ARM_PREFERRED_TARGET, &init), 0);
	assert_int_equal(sv_soft_ioctl(soft, vcpu, SV_KVM_ARM_VCPU_INIT, &init), 0);
	assert_int_equal(sv_soft_ioctl(soft, vm, SV_KVM_SET_USER_MEMORY_REGION, &region), 0);
	assert_int_equal(sv_soft_poison(soft, vm, &poison), 0);
	scripted_play(&step, 1);
	assert_int_equal(sv_soft_ioctl(soft, vcpu, SV_KVM_RUN, NULL), -EINTR);
	assert_int_equal(signals, 1);
	assert_int_equal(last.si_code, BUS_MCEERR_AR);
	assert_ptr_equal(last.si_addr, ram);
	assert_int_equal(last.si_addr_lsb, 12);
	sigaction(SIGBUS, &before, NULL);
	sv_soft_free(soft);
}

static void failures(void **state)
{
	static const struct sv_soft_failure list[] = {
		{SV_KVM_GET_ONE_REG, PC, 2, false, EIO},
		{SV_KVM_SET_ONE_REG, 0, 1, true, EACCES},
		{SV_KVM_RUN, 0, 1, false, ENOMEM},
	};
	struct sv_soft_failure any = {.nth = 3, .error = EPERM}, never = {.nth = 1000};
	uint64_t value = 0;
	struct sv_kvm_one_reg pc = {PC, (uintptr_t)&value}, x0 = {GPR(0), (uintptr_t)&value};
	struct machine m;

	machine_open(&m, NULL);
	scripted_play(NULL, 0);
	for (size_t i = 0; i < COUNT(list); i++)
		assert_int_equal(sv_soft_fail(m.soft, &list[i]), 0);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &x0), 0);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &pc), 0);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &x0), 0);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &pc), -EIO);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &pc), 0);
	value = 0x77;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_SET_ONE_REG, &x0), -EACCES);
	assert_int_equal(machine_run(&m), -ENOMEM);
	assert_int_equal(scripted_entries(), 0);
	assert_int_equal(sv_soft_fail(m.soft, NULL), 0);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &x0), 0);
	assert_int_equal(value, 0); /* what failed did nothing */

	/* Any request, KVM_RUN not counted. */
	assert_int_equal(sv_soft_fail(m.soft, &any), 0);
	m.run->immediate_exit = 1;
	assert_int_equal(machine_run(&m), -EINTR);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &x0), 0);
	assert_int_equal(machine_ioctl(&m, m.kvm, SV_KVM_GET_API_VERSION, NULL), SV_KVM_API_VERSION);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &pc), -EPERM);
	sv_soft_fail(m.soft, NULL);
	for (unsigned i = 0; i <= SV_SOFT_FAILURES; i++)
		assert_int_equal(sv_soft_fail(m.soft, &never), i < SV_SOFT_FAILURES ? 0 : -ENOSPC);
	machine_close(&m);
}

struct hooked {
	struct machine m;
	unsigned count[SV_SOFT_POINTS];
	struct sv_soft_event event[SV_SOFT_POINTS];
	int refuse;
	bool move;
};

static int hook(void *opaque, const struct sv_soft_event *event)
{
	struct hooked *h = opaque;

	h->count[event->point]++;
	h->event[event->point] = *event;
	/* RAM goes elsewhere between the abort and KVM's look at it; requests by hooks are not hooked. */
	if (event->point == SV_SOFT_AT_ABORT && h->move)
		assert_int_equal(machine_slot(&h->m, 0, 0, 2 * RAM, RAM_SIZE, h->m.ram), 0);
	if (event->point == SV_SOFT_AT_ENTRY)
		assert_int_equal(machine_get(&h->m, PC), RAM);
	return event->point == SV_SOFT_AT_REQUEST ? h->refuse : 0;
}

static void hooks(void **state)
{
	static struct hooked h;
	struct sv_kvm_one_reg pc = {PC, 0};
	uint64_t value;

	machine_open(&h.m, NULL);
	assert_int_equal(machine_enable(&h.m, SV_KVM_CAP_ARM_NISV_TO_USER), 0);
	for (unsigned point = 0; point < SV_SOFT_POINTS; point++)
		sv_soft_set_hook(h.m.soft, (enum sv_soft_point)point, hook, &h);
	assert_int_equal(run_at(&h.m, DABT | TRANS, RAM + PAGE), -EINTR);
	assert_int_equal(h.count[SV_SOFT_AT_REQUEST], 1);
	assert_int_equal(h.event[SV_SOFT_AT_REQUEST].request, SV_KVM_RUN);
	assert_int_equal(h.count[SV_SOFT_AT_ENTRY], 2);
	assert_int_equal(h.count[SV_SOFT_AT_ABORT], 1);
	assert_int_equal(h.event[SV_SOFT_AT_ABORT].esr, DABT | TRANS);
	assert_int_equal(h.event[SV_SOFT_AT_ABORT].ipa, RAM + PAGE);
	assert_int_equal(h.event[SV_SOFT_AT_ABORT].pc, RAM);
	assert_int_equal(h.count[SV_SOFT_AT_EXIT], 1);
	assert_int_equal(h.event[SV_SOFT_AT_EXIT].result, -EINTR);
	assert_int_equal(h.event[SV_SOFT_AT_EXIT].fd, h.m.vcpu);
	h.move = true;
	assert_int_equal(run_at(&h.m, DABT | TRANS, RAM + 2 * PAGE + 4), 0);
	assert_int_equal(h.m.run->exit_reason, SV_KVM_EXIT_ARM_NISV);
	assert_int_equal(h.m.run->arm_nisv.fault_ipa, RAM + 2 * PAGE + 4);
	h.refuse = -EIO;
	pc.addr = (uintptr_t)&value;
	assert_int_equal(machine_ioctl(&h.m, h.m.vcpu, SV_KVM_GET_ONE_REG, &pc), -EIO);
	sv_soft_set_hook(h.m.soft, SV_SOFT_AT_REQUEST, NULL, NULL);
	assert_int_equal(machine_ioctl(&h.m, h.m.vcpu, SV_KVM_GET_ONE_REG, &pc), 0);
	machine_close(&h.m);
}

/* The same seed, the same turns; another seed, others; all vCPUs come up. */
static void schedule(void **state)
{
	enum { TURNS = 200 };
	unsigned seen[3] = {0};
	struct {
		int64_t fd;
		uint64_t instructions;
	} turns[3][TURNS];

	for (unsigned round = 0; round < 3; round++) {
		struct machine m;
		int fds[3];

		machine_open(&m, NULL);
		scripted_play(NULL, 0);
		fds[0] = m.vcpu;
		fds[1] = machine_add_vcpu(&m, 1, 0);
		fds[2] = machine_add_vcpu(&m, 2, 0);
		assert_int_equal(sv_soft_next(m.soft, m.vm), -EAGAIN);
		assert_int_equal(sv_soft_schedule(m.soft, m.vm, round == 2 ? 2 : 1, 30), 0);
		for (unsigned i = 0; i < TURNS; i++) {
			int fd = sv_soft_next(m.soft, m.vm);
			uint64_t before = sv_soft_instructions(m.soft, fd);

			assert_int_equal(machine_ioctl(&m, fd, SV_KVM_RUN, NULL), -EINTR);
			turns[round][i].fd = fd;
			turns[round][i].instructions = sv_soft_instructions(m.soft, fd) - before;
			assert_in_range(turns[round][i].instructions, 1, 30);
			for (unsigned j = 0; j < 3; j++)
				seen[j] += fd == fds[j];
		}
		/* What is closed has no turn. */
		assert_int_equal(sv_soft_close(m.soft, fds[1]), 0);
		for (unsigned i = 0; i < TURNS; i++)
			assert_int_not_equal(sv_soft_next(m.soft, m.vm), fds[1]);
		machine_close(&m);
	}
	assert_memory_equal(turns[0], turns[1], sizeof(turns[0]));
	assert_memory_not_equal(turns[0], turns[2], sizeof(turns[0]));
	assert_true(seen[0] > TURNS / 2 && seen[1] > TURNS / 2 && seen[2] > TURNS / 2);
}

static void counts(void **state)
{
	struct sv_soft_counts before, after;
	struct machine m;

	machine_open(&m, NULL);
	sv_soft_counts(m.soft, &before);
	machine_get(&m, PC);
	run_at(&m, DABT | TRANS, RAM);
	sv_soft_counts(m.soft, &after);
	assert_int_equal(after.requests - before.requests, 1);
	assert_int_equal(after.runs - before.runs, 1);
	assert_int_equal(after.aborts - before.aborts, 1);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(pages),       cmocka_unit_test(many),
		cmocka_unit_test(claimed),     cmocka_unit_test(claimed_without_vm),
		cmocka_unit_test(real_signal), cmocka_unit_test(failures),
		cmocka_unit_test(hooks),       cmocka_unit_test(schedule),
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests_name("softkvm-faults", all, NULL, NULL);
}
