/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors that SIGBUS tells of. The signals are real ones, sent by this process to its own threads: for
 * those the kernel takes any si_code.
 */
#include <pthread.h>

#include "sea-bench.h"

/* SIGBUS in KVM_RUN. */
static void consumed(void **state)
{
	static const struct {
		const char *name;
		uint64_t gpa;
		int lsb, rc;
		enum sv_ending ending;
		enum road road;
		bool fetch, has_va;
	} cases[] = {
		{"data", DATA, 12, -EINTR, SV_ENDING_INJECTED, KERNEL, false, true},
		{"data, no size", DATA, 0, -EINTR, SV_ENDING_INJECTED, KERNEL, false, true},
		{"data, not the instruction's", TABLES, 12, -EINTR, SV_ENDING_INJECTED, KERNEL, false, false},
		{"code", CODE, 12, -EINTR, SV_ENDING_INJECTED, REGISTERS, true, false},
		{"huge", DATA, 30, -EINTR, SV_ENDING_INJECTED, REGISTERS, true, false},
		{"and KVM_RUN went on to another exit", DATA, 12, 0, SV_ENDING_RETRIED, KERNEL, false, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].name;
		const struct sv_report *report = &bench.vcpu.session.report;

		setup(NULL);
		watch();
		bench.kernel.in_run = send_all;
		to_send[0] = bus(BUS_MCEERR_AR, host_of(cases[i].gpa), cases[i].lsb);
		to_send_count = 1;
		bench.kernel.run.exit_reason = cases[i].rc ? SV_KVM_EXIT_INTR : SV_KVM_EXIT_MMIO;
		check(name, exit_once(cases[i].rc, NULL) == SV_VERDICT_RESUME);
		check(name, handled == 0 && bench.vcpu.notes_lost == 0);
		is_record(name, HVA | GPA, 0, cases[i].gpa);
		check(name, bench.error.record.hva == (uintptr_t)host_of(cases[i].gpa));
		check(name, bench.error.record.source == SV_RAS_SIGBUS_AR && !bench.error.foreign &&
				    !bench.error.failed);
		check(name, report->ending == cases[i].ending && report->cause == SV_CAUSE_POISON);
		check(name, report->has_va == cases[i].has_va);
		check(name, bench.vcpu.at_abort == (cases[i].rc == -EINTR));
		if (cases[i].ending != SV_ENDING_INJECTED) {
			check(name, !bench.kernel.dabts && !bench.kernel.sets && !bench.kernel.serrors);
			continue;
		}
		check(name, road_taken() == cases[i].road);
		if (cases[i].fetch) {
			check(name, *reg_of(&bench.kernel, ESR) == 0x86000010);
			check(name, *reg_of(&bench.kernel, FAR) == CODE);
		}
		/* What is noted is told once, and the next exit begins anew. */
		bench.kernel.in_run = NULL;
		sv_kvm_run(&bench.vcpu);
		check(name,
		      !sv_kvm_error(&bench.vcpu, -EINTR, &bench.space, &bench.error) && !bench.vcpu.at_abort);
	}
	/* Not the guest's memory. */
	setup(NULL);
	watch();
	bench.kernel.in_run = send_all;
	to_send[0] = bus(BUS_MCEERR_AR, &bench, 12);
	assert_int_equal(exit_once(-EINTR, NULL), SV_VERDICT_STOP);
	assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_FOREIGN);
	assert_true(bench.error.foreign);
	assert_int_equal(bench.error.record.valid, HVA | SV_RAS_PC);
}

/* Several in one KVM_RUN: each is recorded, one is answered, and those that find no room are counted. */
static void several(void **state)
{
	unsigned told = 0, injected = 0;

	setup(NULL);
	watch();
	bench.kernel.in_run = send_all;
	bench.kernel.run.exit_reason = SV_KVM_EXIT_INTR;
	bench.kernel.run_result = -EINTR;
	to_send_count = SV_KVM_NOTES + 2;
	for (unsigned i = 0; i < to_send_count; i++)
		to_send[i] = bus(BUS_MCEERR_AR, host_of(DATA + i * PAGE), 12);
	sv_kvm_run(&bench.vcpu);
	while (sv_kvm_error(&bench.vcpu, -EINTR, &bench.space, &bench.error)) {
		assert_int_equal(bench.error.record.gpa, DATA + told * PAGE);
		assert_int_equal(sv_kvm_answer(&bench.vcpu, &bench.policy, &bench.error, NULL),
				 SV_VERDICT_RESUME);
		injected += bench.vcpu.session.report.ending == SV_ENDING_INJECTED;
		told++;
	}
	assert_int_equal(told, SV_KVM_NOTES);
	assert_int_equal(injected, 1);
	assert_int_equal(bench.kernel.dabts, 1);
	assert_int_equal(bench.vcpu.notes_lost, 2);
}

/* SIGBUS that is not the guest's: whoever handled it before does so still. */
static void not_ours(void **state)
{
	struct sv_memory_error record;

	setup(NULL);
	watch();
	send_one(&(siginfo_t){.si_signo = SIGBUS, .si_code = BUS_ADRERR});
	assert_int_equal(handled, 1);
	siginfo_t required = bus(BUS_MCEERR_AR, host_of(DATA), 12);
	send_one(&required);
	assert_int_equal(handled, 2);
	assert_int_equal(handled_code, BUS_MCEERR_AR);
	raise(SIGBUS);
	assert_int_equal(handled, 3);
	assert_int_equal(handled_code, SI_TKILL);
	assert_false(sv_kvm_warning(NULL, &record));

	/* In KVM_RUN too. */
	bench.kernel.in_run = send_all;
	bench.kernel.run_result = -EINTR;
	to_send[0] = bus(BUS_ADRERR, host_of(DATA), 12);
	to_send[1] = bus(SI_QUEUE, host_of(DATA), 12);
	to_send_count = 2;
	sv_kvm_run(&bench.vcpu);
	assert_int_equal(handled, 5);
	assert_false(sv_kvm_error(&bench.vcpu, -EINTR, &bench.space, &bench.error));
}

static void *warned_thread(void *page)
{
	siginfo_t info = bus(BUS_MCEERR_AO, page, 12);

	send_one(&info);
	return NULL;
}

static struct sigaction replaced;
static volatile unsigned chained;

static void chaining(int number, siginfo_t *info, void *context)
{
	chained++;
	replaced.sa_sigaction(number, info, context);
}

/* BUS_MCEERR_AO: kept, and given to the handler that was there. */
static void warned(void **state)
{
	struct sigaction action = {.sa_sigaction = chaining, .sa_flags = SA_SIGINFO};
	struct sv_memory_error record;
	siginfo_t info;
	uint64_t lost = sv_kvm_warnings_lost();
	pthread_t thread;
	unsigned told = 0;

	setup(NULL);
	watch();
	info = bus(BUS_MCEERR_AO, host_of(DATA), 12);
	send_one(&info);
	assert_int_equal(handled, 1);
	assert_int_equal(handled_code, BUS_MCEERR_AO);
	pthread_create(&thread, NULL, warned_thread, host_of(TABLES + 0x123));
	pthread_join(thread, NULL);
	info = bus(BUS_MCEERR_AO, &bench, 12);
	send_one(&info);
	assert_int_equal(handled, 3);
	assert_true(sv_kvm_warning(&bench.space, &record));
	assert_int_equal(record.source, SV_RAS_SIGBUS_AO);
	assert_int_equal(record.valid, GPA | HVA);
	assert_int_equal(record.vcpu, SV_RAS_NO_VCPU);
	assert_int_equal(record.gpa, DATA);
	assert_true(sv_kvm_warning(&bench.space, &record));
	assert_int_equal(record.gpa, TABLES + 0x123);
	/* Another VM's, or nobody's: it waits for who asks for any. */
	assert_false(sv_kvm_warning(&bench.space, &record));
	assert_true(sv_kvm_warning(NULL, &record));
	assert_int_equal(record.valid, HVA);
	assert_int_equal(record.hva, (uintptr_t)&bench);
	assert_false(sv_kvm_warning(NULL, &record));

	for (unsigned i = 0; i < 70; i++) {
		info = bus(BUS_MCEERR_AO, host_of(DATA), 12);
		send_one(&info);
	}
	while (sv_kvm_warning(&bench.space, &record))
		told++;
	assert_int_equal(told, 64);
	assert_int_equal(sv_kvm_warnings_lost() - lost, 6);

	/* Kept once, whoever calls whom. */
	sigaction(SIGBUS, &action, &replaced);
	assert_int_equal(sv_kvm_watch(), SV_OK);
	info = bus(BUS_MCEERR_AO, host_of(DATA), 12);
	send_one(&info);
	assert_int_equal(chained, 1);
	assert_true(sv_kvm_warning(&bench.space, &record));
	assert_false(sv_kvm_warning(&bench.space, &record));

	/* With nobody there it ends here; the process lives. */
	signal(SIGBUS, SIG_DFL);
	assert_int_equal(sv_kvm_watch(), SV_OK);
	send_one(&info);
	assert_true(sv_kvm_warning(&bench.space, &record));
}

struct hammer {
	struct sv_kvm_vcpu vcpu;
	struct kernel kernel;
	struct sv_kvm_backend backend;
	unsigned index, told;
};

static int hammer_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct hammer *hammer = opaque;

	if (request == SV_KVM_RUN) {
		siginfo_t required = bus(BUS_MCEERR_AR, host_of(RAM_BASE + hammer->index * PAGE), 12);
		siginfo_t optional = bus(BUS_MCEERR_AO, host_of(DATA), 12);

		send_one(&required);
		send_one(&optional);
		return -EINTR;
	}
	return kernel_ioctl(&hammer->kernel, fd, request, argument);
}

static void *hammering(void *opaque)
{
	struct hammer *hammer = opaque;
	struct sv_kvm_error own;

	for (unsigned i = 0; i < 2000; i++) {
		int rc = sv_kvm_run(&hammer->vcpu);

		while (sv_kvm_error(&hammer->vcpu, rc, &bench.space, &own))
			hammer->told += own.record.gpa == RAM_BASE + hammer->index * PAGE;
	}
	return NULL;
}

/* Threads hear of their own errors only, and no warning is told twice or made up. */
static void threads(void **state)
{
	static struct hammer hammers[4];
	pthread_t thread[COUNT(hammers)];
	uint64_t lost = sv_kvm_warnings_lost(), told = 0;
	struct sv_memory_error record;

	setup(NULL);
	watch();
	for (unsigned i = 0; i < COUNT(hammers); i++) {
		hammers[i].index = i;
		hammers[i].backend = (struct sv_kvm_backend){hammer_ioctl, &hammers[i]};
		assert_int_equal(sv_kvm_vcpu_init(&hammers[i].vcpu, &hammers[i].backend, 33,
						  (struct kvm_run *)&hammers[i].kernel.run, 0),
				 SV_OK);
	}
	for (unsigned i = 0; i < COUNT(hammers); i++)
		pthread_create(&thread[i], NULL, hammering, &hammers[i]);
	for (unsigned i = 0; i < COUNT(hammers); i++) {
		while (pthread_tryjoin_np(thread[i], NULL))
			while (sv_kvm_warning(&bench.space, &record)) {
				assert_int_equal(record.gpa, DATA);
				told++;
			}
		assert_int_equal(hammers[i].told, 2000);
		assert_int_equal(hammers[i].vcpu.notes_lost, 0);
	}
	while (sv_kvm_warning(NULL, &record))
		told++;
	assert_int_equal(told + sv_kvm_warnings_lost() - lost, 2000 * COUNT(hammers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(consumed), cmocka_unit_test(several), cmocka_unit_test(not_ours),
		cmocka_unit_test(warned),   cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
