/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM's side and the CPU together, under salvage: memory errors on their way to the guest, races by schedule
 * and by threads. Guests are a few instructions; tests/guests has the larger ones.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"

#include <salvage/kvm.h>

#define NISV_STORE UINT32_C(0xb8004401)             /* str w1, [x0], #4 */
#define STORE      UINT32_C(0xf9000001)             /* str x1, [x0] */
#define LOAD       UINT32_C(0xf9400001)             /* ldr x1, [x0] */
#define INCREMENT  UINT32_C(0x91000421)             /* add x1, x1, #1 */
#define BACK(n)    (UINT32_C(0x17ffffff) - (n) + 1) /* b . - 4 * n */
#define HERE       UINT32_C(0x14000000)             /* b . */
#define HVC        UINT32_C(0xd4000002)
#define WFI        UINT32_C(0xd503207f)

static void put(struct machine *m, uint64_t ipa, const uint32_t *code, size_t size)
{
	memcpy(m->ram + (ipa - RAM), code, size);
}

/* What the VMM under test knows. */
struct vmm {
	struct machine m;
	struct sv_kvm_backend backend;
	struct sv_region regions[2];
	struct sv_space space;
	struct sv_kvm_vcpu vcpu;
};

static void open_vmm(struct vmm *v, const struct sv_soft_config *config)
{
	memset(v, 0, sizeof(*v));
	machine_open(&v->m, config);
	v->backend = (struct sv_kvm_backend){sv_soft_ioctl, v->m.soft};
	assert_int_equal(sv_kvm_enable(&v->backend, v->m.vm, SV_KVM_NISV | SV_KVM_SEA),
			 SV_KVM_NISV | SV_KVM_SEA | SV_KVM_INJECT);
	sv_space_init(&v->space, v->regions, COUNT(v->regions));
	assert_int_equal(sv_space_add(&v->space, &(struct sv_region){.first = RAM,
								     .last = RAM + RAM_SIZE - 1,
								     .kind = SV_REGION_RAM,
								     .name = "RAM",
								     .host = v->m.ram}),
			 SV_OK);
	assert_int_equal(sv_space_add(&v->space, &(struct sv_region){.first = HOLE,
								     .last = HOLE + PAGE - 1,
								     .kind = SV_REGION_WINDOW,
								     .name = "device",
								     .sizes = SV_SIZES_ANY}),
			 SV_OK);
	assert_int_equal(sv_kvm_vcpu_init(&v->vcpu, &v->backend, v->m.vcpu, (struct kvm_run *)v->m.run, 0),
			 SV_OK);
}

/* A memory error of each kind, met by a load: what salvage records, and where the guest goes. */
static void memory_errors(void **state)
{
	static const struct {
		const char *name;
		struct sv_soft_poison poison;
		enum sv_ras_source source;
		bool gpa, inferred;
		uint64_t esr;
	} tests[] = {
		{"SEA", {.gpa = RAM + PAGE, .times = 1}, SV_RAS_SEA_DATA, true, false, 0x96000010},
		{"SEA without address",
		 {.gpa = RAM + PAGE, .times = 1, .fnv = true},
		 SV_RAS_SEA_DATA,
		 true,
		 true,
		 0x96000410},
		{"poisoned",
		 {.gpa = RAM + PAGE, .error = SV_SOFT_HWPOISON},
		 SV_RAS_SIGBUS_AR,
		 true,
		 false,
		 0x96000010},
		{"claimed",
		 {.gpa = RAM + PAGE, .error = SV_SOFT_CLAIMED},
		 SV_RAS_SIGBUS_AR,
		 true,
		 false,
		 0x96000010},
		{"guest_memfd",
		 {.gpa = RAM + PAGE, .error = SV_SOFT_MEMORY_FAULT},
		 SV_RAS_MEMORY_FAULT,
		 true,
		 false,
		 0x96000010},
		{"gone",
		 {.gpa = RAM + PAGE, .error = SV_SOFT_GONE},
		 SV_RAS_MEMORY_FAULT,
		 true,
		 false,
		 0x96000010},
	};
	static const uint32_t code[] = {LOAD, HERE};

	assert_int_equal(sv_kvm_watch(), SV_OK);
	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_kvm_error error;
		struct vmm v;
		int rc;

		open_vmm(&v, NULL);
		put(&v.m, RAM, code, sizeof(code));
		machine_set(&v.m, GPR(0), RAM + PAGE + 8);
		assert_int_equal(sv_soft_poison(v.m.soft, v.m.vm, &tests[i].poison), 0);
		rc = sv_kvm_run(&v.vcpu);
		/* The machine's signal is a note; salvage hears of it as a process would. */
		if (v.m.sigbus_count) {
			v.vcpu.notes[0].address = (uintptr_t)v.m.sigbus_address;
			v.vcpu.notes[0].lsb = (uint8_t)v.m.sigbus_lsb;
			v.vcpu.note_count = 1;
		}
		check(tests[i].name, sv_kvm_error(&v.vcpu, rc, &v.space, &error));
		check(tests[i].name, error.record.source == tests[i].source);
		check(tests[i].name, !!(error.record.valid & SV_RAS_GPA) == tests[i].gpa);
		check(tests[i].name, (error.record.gpa & ~(PAGE - 1)) == RAM + PAGE);
		check(tests[i].name, !!(error.record.valid & SV_RAS_INFERRED) == tests[i].inferred);
		check(tests[i].name, error.record.pc == RAM);
		check(tests[i].name, sv_kvm_answer(&v.vcpu, NULL, &error, NULL) == SV_VERDICT_RESUME);
		check(tests[i].name, v.vcpu.session.report.ending == SV_ENDING_INJECTED);
		check(tests[i].name, machine_get(&v.m, PC) == RAM + 0xa00);
		check(tests[i].name, machine_get(&v.m, ESR) == tests[i].esr);
		check(tests[i].name, machine_get(&v.m, FAR) == (tests[i].poison.fnv ? 0 : RAM + PAGE + 8));
		machine_close(&v.m);
	}
}

/* As in a VMM: SIGBUS comes as a signal, while the thread is in KVM_RUN. */
static void by_signal(void **state)
{
	static const uint32_t code[] = {LOAD, HERE};
	struct sv_soft_poison poison = {.gpa = RAM + PAGE, .error = SV_SOFT_HWPOISON};
	struct sv_soft *soft = sv_soft_new(NULL);
	struct sv_kvm_backend backend = {sv_soft_ioctl, soft};
	int vm = sv_soft_ioctl(soft, sv_soft_open(soft), SV_KVM_CREATE_VM, NULL);
	int fd = sv_soft_ioctl(soft, vm, SV_KVM_CREATE_VCPU, NULL);
	static uint8_t ram[2 * 4096] __attribute__((aligned(4096)));
	struct sv_kvm_userspace_memory_region slot = {0, 0, RAM, sizeof(ram), (uintptr_t)ram};
	struct sv_region region = {.first = RAM,
				   .last = RAM + sizeof(ram) - 1,
				   .kind = SV_REGION_RAM,
				   .name = "RAM",
				   .host = ram};
	struct sv_space space = {&region, 1, 1, 0};
	struct sv_kvm_vcpu_init init;
	struct sv_kvm_vcpu vcpu;
	struct sv_kvm_error error;
	int rc;

	memcpy(ram, code, sizeof(code));
	assert_int_equal(sv_kvm_watch(), SV_OK);
	assert_int_equal(sv_soft_ioctl(soft, vm, SV_KVM_SET_USER_MEMORY_REGION, &slot), 0);
	assert_int_equal(sv_soft_ioctl(soft, vm, SV_KVM_ARM_PREFERRED_TARGET, &init), 0);
	assert_int_equal(sv_soft_ioctl(soft, fd, SV_KVM_ARM_VCPU_INIT, &init), 0);
	assert_int_equal(sv_kvm_vcpu_init(&vcpu, &backend, fd, sv_soft_run_page(soft, fd), 0), SV_OK);
	assert_int_equal(sv_kvm_set(&vcpu, SV_PC, RAM), SV_OK);
	assert_int_equal(sv_kvm_set(&vcpu, SV_X0, RAM + PAGE), SV_OK);
	assert_int_equal(sv_soft_poison(soft, vm, &poison), 0);
	rc = sv_kvm_run(&vcpu);
	assert_int_equal(rc, -EINTR);
	assert_true(sv_kvm_error(&vcpu, rc, &space, &error));
	assert_int_equal(error.record.source, SV_RAS_SIGBUS_AR);
	assert_int_equal(error.record.gpa, RAM + PAGE);
	assert_true(error.aborted && !error.foreign);
	assert_false(sv_kvm_error(&vcpu, rc, &space, &error));
	sv_soft_free(soft);
}

/*
 * The code that aborted is another one when salvage fetches it: tried again, nothing done twice or by half.
 */
static int rewrite(void *opaque, const struct sv_soft_event *event)
{
	struct machine *m = opaque;

	if (event->esr >> 26 == 0x24 && *(uint32_t *)m->ram == NISV_STORE) {
		static const uint32_t other[] = {INCREMENT, HERE};

		put(m, RAM, other, sizeof(other));
	}
	return 0;
}

static void rewritten(void **state)
{
	static const uint32_t code[] = {NISV_STORE, HERE};
	struct vmm v;

	open_vmm(&v, NULL);
	put(&v.m, RAM, code, sizeof(code));
	machine_set(&v.m, GPR(0), HOLE);
	/* Before it runs stage 2 maps the code's page; the hook waits for the data abort. */
	sv_soft_set_hook(v.m.soft, SV_SOFT_AT_ABORT, rewrite, &v.m);
	assert_int_equal(sv_kvm_run(&v.vcpu), 0);
	assert_true(sv_kvm_begin(&v.vcpu, &v.space, NULL));
	assert_int_equal(sv_session_next(&v.vcpu.session), SV_VERDICT_RETRY);
	assert_int_equal(machine_get(&v.m, PC), RAM);
	assert_int_equal(machine_get(&v.m, GPR(0)), HOLE);
	sv_soft_schedule(v.m.soft, v.m.vm, 1, 100);
	sv_soft_next(v.m.soft, v.m.vm);
	assert_int_equal(sv_kvm_run(&v.vcpu), -EINTR);
	assert_int_equal(machine_get(&v.m, GPR(1)), 1);
	machine_close(&v.m);
}

/* A register call fails in the middle of a session: it says so, and the guest has not moved. */
static void failing_register(void **state)
{
	static const struct sv_soft_failure failures[] = {
		{SV_KVM_GET_ONE_REG, GPR(0), 1, false, EIO},
		{SV_KVM_GET_ONE_REG, PC, 1, false, EIO},
		{SV_KVM_SET_ONE_REG, GPR(0), 1, true, EIO},
		{SV_KVM_SET_ONE_REG, PC, 1, true, EIO},
	};
	static const uint32_t code[] = {NISV_STORE, HERE};

	for (size_t i = 0; i < COUNT(failures); i++) {
		enum sv_verdict verdict;
		struct vmm v;

		open_vmm(&v, NULL);
		put(&v.m, RAM, code, sizeof(code));
		machine_set(&v.m, GPR(0), HOLE);
		assert_int_equal(sv_kvm_run(&v.vcpu), 0);
		sv_soft_fail(v.m.soft, &failures[i]);
		assert_true(sv_kvm_begin(&v.vcpu, &v.space, NULL));
		while ((verdict = sv_session_next(&v.vcpu.session)) == SV_VERDICT_ACCESS)
			;
		assert_int_equal(verdict, SV_VERDICT_STOP);
		assert_int_equal(v.vcpu.session.report.reason, SV_REASON_REGISTER);
		sv_soft_fail(v.m.soft, NULL);
		assert_int_equal(machine_get(&v.m, PC), RAM);
		machine_close(&v.m);
	}
}

/* Two vCPUs that load, add and store without care: the seed decides what is lost, the same each time. */
static uint64_t race(uint64_t seed)
{
	static const uint32_t code[] = {LOAD, INCREMENT, STORE, BACK(3)};
	struct machine m;
	uint64_t count;
	int second;

	machine_open(&m, NULL);
	second = machine_add_vcpu(&m, 1, 0);
	put(&m, RAM, code, sizeof(code));
	for (unsigned i = 0; i < 2; i++) {
		machine_set(&m, PC, RAM);
		machine_set(&m, GPR(0), RAM + PAGE);
		m.vcpu = second;
	}
	sv_soft_schedule(m.soft, m.vm, seed, 7);
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(machine_ioctl(&m, sv_soft_next(m.soft, m.vm), SV_KVM_RUN, NULL), -EINTR);
	memcpy(&count, m.ram + PAGE, sizeof(count));
	machine_close(&m);
	return count;
}

static void scheduled(void **state)
{
	uint64_t counts[4];

	for (uint64_t seed = 0; seed < COUNT(counts); seed++) {
		counts[seed] = race(seed);
		assert_int_equal(race(seed), counts[seed]);
		/* 8000 instructions, four a turn; some increments are lost. */
		assert_in_range(counts[seed], 200, 1900);
	}
	assert_true(counts[0] != counts[1] || counts[1] != counts[2] || counts[2] != counts[3]);
}

static atomic_bool over;
static atomic_uint exits;

static void *guest(void *opaque)
{
	struct vmm *v = opaque;

	while (!atomic_load(&over)) {
		int rc = sv_kvm_run(&v->vcpu);

		if (rc == -EINTR)
			continue;
		assert_int_equal(rc, 0);
		assert_int_equal(v->m.run->exit_reason, SV_KVM_EXIT_MMIO);
		atomic_fetch_add(&exits, 1);
	}
	return NULL;
}

/*
 * A memslot comes and goes under a guest that writes to it; while it is gone its memory is, too. A CPU that
 * kept an old answer would end the process.
 */
static void slot_under_guest(void **state)
{
	static const uint32_t code[] = {STORE, INCREMENT, BACK(2)};
	uint8_t *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	pthread_t thread;
	struct vmm v;

	sigaction(SIGUSR1, &ignore, &before);
	atomic_store(&over, false);
	open_vmm(&v, NULL);
	put(&v.m, RAM, code, sizeof(code));
	machine_set(&v.m, GPR(0), 0x1000);
	assert_int_equal(pthread_create(&thread, NULL, guest, &v), 0);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(mprotect(memory, PAGE, PROT_READ | PROT_WRITE), 0);
		assert_int_equal(machine_slot(&v.m, 5, i % 2 ? SV_KVM_MEM_LOG_DIRTY_PAGES : 0, 0x1000, PAGE,
					      memory),
				 0);
		for (volatile unsigned j = 0; j < 20000; j++)
			;
		assert_int_equal(machine_slot(&v.m, 5, 0, 0, 0, NULL), 0);
		assert_int_equal(mprotect(memory, PAGE, PROT_NONE), 0);
	}
	/* It is gone now, and a busy host may not have let the guest run yet. */
	while (!atomic_load(&exits))
		sched_yield();
	atomic_store(&over, true);
	__atomic_store_n(&v.m.run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(pthread_join(thread, NULL), 0);
	sigaction(SIGUSR1, &before, NULL);
	machine_close(&v.m);
	munmap(memory, PAGE);
}

/* A guest brings up a second vCPU, which sleeps in another thread's KVM_RUN, and waits for what it writes. */
static void *second_thread(void *opaque)
{
	struct machine *m = opaque;

	return (void *)(intptr_t)machine_ioctl(m, m->vcpu, SV_KVM_RUN, NULL);
}

static void brought_up(void **state)
{
	/* hvc; then load until it is not 0; hvc with SYSTEM_OFF in x4 */
	static const uint32_t first[] = {HVC,
					 0xf94000a6 /* ldr x6, [x5] */,
					 0xb4ffffe6 /* cbz x6, .-4 */,
					 0xaa0403e0 /* mov x0, x4 */,
					 HVC,
					 HERE};
	static const uint32_t second[] = {0xf9000000 /* str x0, [x0] */, WFI, HERE};
	struct machine m, other;
	pthread_t thread;
	void *rc;

	machine_open(&m, NULL);
	put(&m, RAM, first, sizeof(first));
	put(&m, RAM + 0x100, second, sizeof(second));
	other = m;
	other.vcpu = machine_add_vcpu(&m, 1, 1u << SV_KVM_ARM_VCPU_POWER_OFF);
	machine_set(&m, GPR(0), 0xc4000003);
	machine_set(&m, GPR(1), 1);
	machine_set(&m, GPR(2), RAM + 0x100);
	machine_set(&m, GPR(3), RAM + PAGE);
	machine_set(&m, GPR(4), 0x84000008);
	machine_set(&m, GPR(5), RAM + PAGE);
	assert_int_equal(pthread_create(&thread, NULL, second_thread, &other), 0);
	assert_int_equal(machine_run(&m), 0);
	assert_int_equal(m.run->exit_reason, SV_KVM_EXIT_SYSTEM_EVENT);
	__atomic_store_n(&((struct sv_kvm_run *)sv_soft_run_page(m.soft, other.vcpu))->immediate_exit, 1,
			 __ATOMIC_SEQ_CST);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_int_equal((int)(intptr_t)rc, -EINTR);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(memory_errors), cmocka_unit_test(by_signal),
		cmocka_unit_test(rewritten),     cmocka_unit_test(failing_register),
		cmocka_unit_test(scheduled),     cmocka_unit_test(slot_under_guest),
		cmocka_unit_test(brought_up),
	};

	return cmocka_run_group_tests_name("softkvm-run", all, NULL, NULL);
}
