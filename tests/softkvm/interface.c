/* SPDX-License-Identifier: BSD-2-Clause */
/* softkvm's requests one by one, and what they refuse, on a CPU that does nothing by itself. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "machine.h"
#include "scripted-cpu.h"

#define DABT  (UINT64_C(0x24) << 26 | UINT64_C(1) << 25)
#define WnR   (UINT64_C(1) << 6)
#define TRANS 0x07

static void descriptors(void **state)
{
	struct machine m;
	int kvm, vm, vcpu;

	machine_open(&m, NULL);
	assert_int_equal(machine_ioctl(&m, m.kvm, SV_KVM_GET_API_VERSION, NULL), SV_KVM_API_VERSION);
	assert_true(machine_ioctl(&m, m.kvm, SV_KVM_GET_VCPU_MMAP_SIZE, NULL) >=
		    (int)sizeof(struct sv_kvm_run));
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_GET_API_VERSION, NULL), -ENOTTY);
	assert_int_equal(machine_ioctl(&m, m.kvm, SV_KVM_RUN, NULL), -ENOTTY);
	assert_int_equal(machine_ioctl(&m, m.vcpu, 0x1234, NULL), -ENOTTY);
	assert_int_equal(machine_ioctl(&m, 0, SV_KVM_RUN, NULL), -EBADF);
	assert_int_equal(machine_ioctl(&m, m.vcpu + 1, SV_KVM_RUN, NULL), -EBADF);
	assert_null(sv_soft_run_page(m.soft, m.vm));
	assert_int_equal(sv_soft_close(m.soft, -1), -EBADF);

	/* A VM lives as long as one of its vCPUs has a descriptor. */
	kvm = sv_soft_open(m.soft);
	vm = machine_ioctl(&m, kvm, SV_KVM_CREATE_VM, NULL);
	vcpu = machine_ioctl(&m, vm, SV_KVM_CREATE_VCPU, (void *)5);
	assert_true(vcpu >= 0);
	assert_int_equal(sv_soft_close(m.soft, kvm), 0);
	assert_int_equal(sv_soft_close(m.soft, vm), 0);
	assert_int_equal(machine_ioctl(&m, vm, SV_KVM_CREATE_VCPU, NULL), -EBADF);
	assert_int_equal(machine_ioctl(&m, vcpu, SV_KVM_RUN, NULL), -ENOEXEC);
	assert_int_equal(sv_soft_close(m.soft, vcpu), 0);
	assert_int_equal(sv_soft_close(m.soft, vcpu), -EBADF);
	/* Descriptors are used again. */
	assert_int_equal(sv_soft_open(m.soft), kvm);
	machine_close(&m);
}

static void vms(void **state)
{
	static const struct {
		unsigned host, type;
		int rc; /* 0: a descriptor */
	} tests[] = {
		{0, 0, 0},        {0, 40, 0},  {0, 48, 0},       {0, 32, 0},        {0, 31, -EINVAL},
		{0, 49, -EINVAL}, {36, 36, 0}, {36, 0, -EINVAL}, {36, 40, -EINVAL},
	};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_soft_config config = {.ipa_bits = tests[i].host};
		struct sv_soft *soft = sv_soft_new(&config);
		int kvm = sv_soft_open(soft);
		int rc = sv_soft_ioctl(soft, kvm, SV_KVM_CREATE_VM, (void *)(uintptr_t)tests[i].type);

		assert_int_equal(rc < 0 ? rc : 0, tests[i].rc);
		assert_int_equal(sv_soft_ioctl(soft, kvm, SV_KVM_CHECK_EXTENSION,
					       (void *)SV_KVM_CAP_ARM_VM_IPA_SIZE),
				 tests[i].host ? tests[i].host : 48);
		sv_soft_free(soft);
	}
}

static void capabilities(void **state)
{
	static const uint32_t without[] = {SV_KVM_CAP_ARM_NISV_TO_USER};
	static const struct {
		struct sv_soft_config config;
		uint32_t capability;
		int value, enable;
	} tests[] = {
		{{0}, SV_KVM_CAP_ARM_NISV_TO_USER, 1, 0},
		{{0}, SV_KVM_CAP_ARM_SEA_TO_USER, 1, 0},
		{{0}, SV_KVM_CAP_ARM_INJECT_EXT_DABT, 1, -EINVAL},
		{{0}, SV_KVM_CAP_ARM_SVE, 0, -EINVAL},
		{{0}, SV_KVM_CAP_ARM_MTE, 0, -EINVAL},
		{{0}, SV_KVM_CAP_ARM_EL1_32BIT, 0, -EINVAL},
		{{0}, SV_KVM_CAP_USER_MEMORY2, 1, -EINVAL},
		{{0}, SV_KVM_CAP_ARM_INJECT_SERROR_ESR, 1, -EINVAL},
		/* Numbers that the first posted series had: mainline's are others. */
		{{0}, 240, 0, -EINVAL},
		{{0}, 241, 0, -EINVAL},
		{{.ext_iabt = true}, 241, 1, -EINVAL},
		{{.no_ras = true}, SV_KVM_CAP_ARM_INJECT_SERROR_ESR, 0, -EINVAL},
		{{.kernel = SV_SOFT_LINUX_6_12}, SV_KVM_CAP_ARM_SEA_TO_USER, 0, -EINVAL},
		{{.kernel = SV_SOFT_LINUX_6_12}, SV_KVM_CAP_USER_MEMORY2, 1, -EINVAL},
		{{.kernel = SV_SOFT_LINUX_5_10}, SV_KVM_CAP_USER_MEMORY2, 0, -EINVAL},
		{{.kernel = SV_SOFT_LINUX_5_10}, SV_KVM_CAP_ARM_NISV_TO_USER, 1, 0},
		{{.without = without, .without_count = 1}, SV_KVM_CAP_ARM_NISV_TO_USER, 0, -EINVAL},
		{{.without = without, .without_count = 1}, SV_KVM_CAP_ARM_SEA_TO_USER, 1, 0},
	};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_kvm_enable_cap flags = {.cap = tests[i].capability, .flags = 1};
		void *capability = (void *)(uintptr_t)tests[i].capability;
		struct machine m;

		machine_open(&m, &tests[i].config);
		assert_int_equal(machine_ioctl(&m, m.kvm, SV_KVM_CHECK_EXTENSION, capability),
				 tests[i].value);
		assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_CHECK_EXTENSION, capability), tests[i].value);
		assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_ENABLE_CAP, &flags), -EINVAL);
		assert_int_equal(machine_enable(&m, tests[i].capability), tests[i].enable);
		machine_close(&m);
	}
}

static void memslots(void **state)
{
	enum { DIRTY = SV_KVM_MEM_LOG_DIRTY_PAGES, RO = SV_KVM_MEM_READONLY };
	static const struct {
		const char *name;
		uint32_t slot, flags;
		uint64_t gpa, size, offset; /* of RAM's memory */
		int rc;
	} steps[] = {
		{"a flag that is not known", 2, 4, 0x1000, PAGE, 0, -EINVAL},
		{"a size that is no page's", 2, 0, 0x1000, 0x800, 0, -EINVAL},
		{"an address that is no page's", 2, 0, 0x1800, PAGE, 0, -EINVAL},
		{"host memory that is no page's", 2, 0, 0x1000, PAGE, 8, -EINVAL},
		{"a slot that is not there", 512, 0, 0x1000, PAGE, 0, -EINVAL},
		{"an end beyond all", 2, 0, ~UINT64_C(0xfff), 2 * PAGE, 0, -EINVAL},
		{"an end beyond the VM's", 2, 0, (UINT64_C(1) << 40) - PAGE, 2 * PAGE, 0, -EFAULT},
		{"the VM's last page", 2, 0, (UINT64_C(1) << 40) - PAGE, PAGE, 0, 0},
		{"deletion", 2, 0, 0, 0, 0, 0},
		{"deletion of what is gone", 2, 0, 0, 0, 0, -EINVAL},
		{"overlap", 2, 0, RAM + RAM_SIZE - PAGE, 2 * PAGE, 0, -EEXIST},
		{"overlap from below", 2, 0, RAM - PAGE, 2 * PAGE, 0, -EEXIST},
		{"neighbour", 2, 0, RAM + RAM_SIZE, PAGE, 0, 0},
		{"neighbour below", 3, 0, RAM - PAGE, PAGE, PAGE, 0},
		{"the same again", 3, 0, RAM - PAGE, PAGE, PAGE, 0},
		{"another size", 3, 0, RAM - 2 * PAGE, 2 * PAGE, PAGE, -EINVAL},
		{"other memory", 3, 0, RAM - PAGE, PAGE, 2 * PAGE, -EINVAL},
		{"made read-only", 3, RO, RAM - PAGE, PAGE, PAGE, -EINVAL},
		{"moved onto another", 3, 0, RAM + RAM_SIZE, PAGE, PAGE, -EEXIST},
		{"moved", 3, 0, 0x7000, PAGE, PAGE, 0},
		{"where it was is free", 4, 0, RAM - PAGE, PAGE, 0, 0},
		{"logged", 3, DIRTY, 0x7000, PAGE, PAGE, 0},
		{"moved and no longer logged", 3, 0, 0x8000, PAGE, PAGE, 0},
	};
	struct machine m;

	machine_open(&m, NULL);
	for (size_t i = 0; i < COUNT(steps); i++)
		check(steps[i].name, machine_slot(&m, steps[i].slot, steps[i].flags, steps[i].gpa,
						  steps[i].size, m.ram + steps[i].offset) == steps[i].rc);
	machine_close(&m);
}

static void memslots2(void **state)
{
	struct sv_kvm_userspace_memory_region2 region = {.slot = 2,
							 .guest_phys_addr = 0x1000,
							 .memory_size = PAGE};
	struct sv_soft_config old = {.kernel = SV_SOFT_LINUX_5_10};
	struct machine m;

	machine_open(&m, NULL);
	region.userspace_addr = (uintptr_t)m.ram;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_SET_USER_MEMORY_REGION2, &region), 0);
	region.slot = 3;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_SET_USER_MEMORY_REGION2, &region), -EEXIST);
	region.flags = 4; /* KVM_MEM_GUEST_MEMFD */
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_SET_USER_MEMORY_REGION2, &region), -EINVAL);
	machine_close(&m);
	machine_open(&m, &old);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_SET_USER_MEMORY_REGION2, &region), -ENOTTY);
	machine_close(&m);
}

/* What the guest would find in stage 2. */
static bool can(struct machine *m, uint64_t ipa, bool write)
{
	struct soft_vcpu *vcpu = (struct soft_vcpu *)soft_object(m->soft, m->vcpu, SOFT_KIND_VCPU);
	struct soft_page page;

	return vcpu->bus.page(vcpu->bus.opaque, ipa, (struct soft_lookup){.write = write}, &page);
}

/* An access by the guest: as many aborts as it takes. */
static void touch(struct machine *m, uint64_t ipa, bool write)
{
	while (!can(m, ipa, write)) {
		struct scripted_step step = {SOFT_ABORT, DABT | (write ? WnR : 0) | TRANS, ipa, ipa};

		scripted_play(&step, 1);
		sv_soft_schedule(m->soft, m->vm, 1, 1);
		sv_soft_next(m->soft, m->vm);
		assert_int_equal(machine_run(m), -EINTR);
	}
}

static uint64_t dirty(struct machine *m)
{
	uint64_t bitmap = ~UINT64_C(0);
	struct sv_kvm_dirty_log log = {.dirty_bitmap = (uintptr_t)&bitmap};

	assert_int_equal(machine_ioctl(m, m->vm, SV_KVM_GET_DIRTY_LOG, &log), 0);
	return bitmap;
}

static void dirty_log(void **state)
{
	uint64_t bitmap;
	struct sv_kvm_dirty_log log = {.dirty_bitmap = (uintptr_t)&bitmap};
	struct machine m;

	machine_open(&m, NULL);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_GET_DIRTY_LOG, &log), -ENOENT);
	log.slot = 7;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_GET_DIRTY_LOG, &log), -ENOENT);
	log.slot = 512;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_GET_DIRTY_LOG, &log), -EINVAL);
	touch(&m, RAM, true);
	assert_int_equal(machine_slot(&m, 0, SV_KVM_MEM_LOG_DIRTY_PAGES, RAM, RAM_SIZE, m.ram), 0);
	assert_false(can(&m, RAM, true));
	touch(&m, RAM + PAGE, false);
	assert_int_equal(dirty(&m), 0);
	touch(&m, RAM + PAGE, true);
	touch(&m, RAM + 15 * PAGE + 8, true);
	assert_int_equal(dirty(&m), 0x8002);
	assert_int_equal(dirty(&m), 0);
	/* What was logged is write-protected again, and only that. */
	assert_true(can(&m, RAM + PAGE, false));
	assert_false(can(&m, RAM + PAGE, true));
	touch(&m, RAM + PAGE, true);
	assert_int_equal(dirty(&m), 2);
	assert_int_equal(machine_slot(&m, 0, 0, RAM, RAM_SIZE, m.ram), 0);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_GET_DIRTY_LOG, &log), -EINVAL);
	machine_close(&m);
}

static void host_takes_pages(void **state)
{
	struct machine m;

	machine_open(&m, NULL);
	touch(&m, RAM + PAGE, true);
	touch(&m, RAM + 2 * PAGE, true);
	touch(&m, ROM, false);
	assert_false(can(&m, ROM, true));
	assert_int_equal(sv_soft_unmap(m.soft, m.vm, RAM + PAGE + 5, RAM + PAGE + 6), 0);
	assert_false(can(&m, RAM + PAGE, false));
	assert_true(can(&m, RAM + 2 * PAGE, true));
	touch(&m, RAM + PAGE, false);
	assert_int_equal(sv_soft_age(m.soft, m.vm, 0, ~UINT64_C(0)), 0);
	assert_false(can(&m, RAM + PAGE, false));
	assert_false(can(&m, ROM, false));
	assert_int_equal(sv_soft_unmap(m.soft, m.vcpu, 0, 0), -EBADF);
	machine_close(&m);
}

static void vcpus(void **state)
{
	struct sv_kvm_vcpu_init init = {.target = 5};
	struct machine m;
	int fd;

	machine_open(&m, NULL);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_CREATE_VCPU, NULL), -EEXIST);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_CREATE_VCPU, (void *)512), -EINVAL);
	fd = machine_ioctl(&m, m.vm, SV_KVM_CREATE_VCPU, (void *)17);
	init.target = 4;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_ARM_VCPU_INIT, &init), -EINVAL);
	init.target = 5;
	init.features[0] = 1u << SV_KVM_ARM_VCPU_SVE;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_ARM_VCPU_INIT, &init), -EINVAL);
	init.features[0] = 0;
	init.features[1] = 1;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_ARM_VCPU_INIT, &init), -ENOENT);
	init.features[1] = 0;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_ARM_VCPU_INIT, &init), 0);
	/* Features stay, but for being off. */
	init.features[0] = 1u << SV_KVM_ARM_VCPU_PSCI_0_2;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_ARM_VCPU_INIT, &init), -EINVAL);
	init.features[0] = 1u << SV_KVM_ARM_VCPU_POWER_OFF;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_ARM_VCPU_INIT, &init), 0);
	m.vcpu = fd;
	assert_int_equal(machine_get(&m, MPIDR), 0x80000101);
	assert_int_equal(machine_get(&m, PSTATE), 0x3c5);
	machine_close(&m);
}

static void registers(void **state)
{
	enum { SET = 1, GET = 2 };
	static const uint64_t odd = SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U64 | SV_KVM_REG_ARM_CORE;
	static const struct {
		const char *name;
		uint64_t id;
		int get, set;
		uint64_t value;
	} tests[] = {
		{"X0", GPR(0), 0, 0, 0x1122334455667788},
		{"X30", GPR(30), 0, 0, 0x1122334455667788},
		{"SP_EL0", SV_KVM_CORE(SV_KVM_CORE_SP_EL0), 0, 0, 16},
		{"SP_EL1", SV_KVM_CORE(SV_KVM_CORE_SP_EL1), 0, 0, 32},
		{"PC", PC, 0, 0, 0xffff000000000000},
		{"PSTATE EL0", PSTATE, 0, 0, 0},
		{"PSTATE EL1t", PSTATE, 0, 0, 0x3c4},
		{"PSTATE EL2h", PSTATE, 0, -EINVAL, 0x3c9},
		{"PSTATE AArch32", PSTATE, 0, -EINVAL, 0x1d3},
		{"ELR_EL1", ELR, 0, 0, 4},
		{"SPSR_EL1", SPSR, 0, 0, 5},
		{"a word of X0", odd - SV_KVM_REG_SIZE_U64 + SV_KVM_REG_SIZE_U32, -EINVAL, -EINVAL, 0},
		{"the middle of X0", odd | 1, -EINVAL, -EINVAL, 0},
		{"beyond the core", odd | 0xf00, -ENOENT, -ENOENT, 0},
		{"Z0", SV_KVM_SVE_ZREG(0), -ENOENT, -ENOENT, 0},
		{"ESR_EL1", ESR, 0, 0, 0xbe000011},
		{"VBAR_EL1", VBAR, 0, 0, 0x1000},
		{"MIDR_EL1 as it is", MIDR, 0, 0, 0x000f0000},
		{"MIDR_EL1", MIDR, 0, -EINVAL, 1},
		{"ELR_EL1 as a system register", SV_KVM_SYSREG(UINT64_C(3), 0, 4, 0, 1), -ENOENT, -ENOENT, 0},
		{"OSLAR_EL1, write-only", SV_KVM_SYSREG(UINT64_C(2), 0, 1, 0, 4), -ENOENT, -ENOENT, 0},
		{"ZCR_EL1, not there", SV_KVM_SYSREG(UINT64_C(3), 0, 1, 2, 0), -ENOENT, -ENOENT, 0},
		{"x86's", UINT64_C(0x2030000000000000), -EINVAL, -EINVAL, 0},
	};
	struct machine m;

	machine_open(&m, NULL);
	for (size_t i = 0; i < COUNT(tests); i++) {
		uint64_t value = 0, wanted = tests[i].value;
		struct sv_kvm_one_reg reg = {tests[i].id, (uintptr_t)&wanted};

		check(tests[i].name, machine_ioctl(&m, m.vcpu, SV_KVM_SET_ONE_REG, &reg) == tests[i].set);
		reg.addr = (uintptr_t)&value;
		check(tests[i].name, machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &reg) == tests[i].get);
		check(tests[i].name, tests[i].set || tests[i].get || value == wanted);
	}
	machine_close(&m);
}

/* All that are listed can be read, and written with what they are; vectors and 32 bits among them. */
static void register_list(void **state)
{
	struct {
		uint64_t n, id[512];
	} list = {.n = 3};
	uint8_t value[16], again[16];
	struct machine m;
	bool vectors = false, words = false;

	machine_open(&m, NULL);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_REG_LIST, &list), -E2BIG);
	assert_in_range(list.n, 100, 512);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_REG_LIST, &list), 0);
	for (uint64_t i = 0; i < list.n; i++) {
		unsigned size = 1u << (list.id[i] >> 52 & 15);
		struct sv_kvm_one_reg reg = {list.id[i], (uintptr_t)value};

		for (uint64_t j = 0; j < i; j++)
			assert_true(list.id[i] != list.id[j]);
		assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &reg), 0);
		assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_SET_ONE_REG, &reg), 0);
		reg.addr = (uintptr_t)again;
		assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_ONE_REG, &reg), 0);
		assert_memory_equal(value, again, size);
		vectors |= size == 16;
		words |= size == 4;
	}
	assert_true(vectors && words);
	machine_close(&m);
}

static void doorbells(void **state)
{
	static const struct {
		const char *name;
		uint64_t iss; /* SAS */
		uint64_t ipa, value;
		unsigned rings; /* bit n: bell n */
	} tests[] = {
		{"4 bytes, value", 2 << 22, HOLE, 7, 1},     {"4 bytes, another value", 2 << 22, HOLE, 8, 0},
		{"2 bytes, the value", 1 << 22, HOLE, 7, 0}, {"any size", 1 << 22, HOLE + 8, 0, 2},
		{"any size, 8", 3 << 22, HOLE + 8, 99, 2},   {"beside", 2 << 22, HOLE + 12, 7, 0},
	};
	int bells[2] = {eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK)};
	struct sv_kvm_ioeventfd first = {.datamatch = 7,
					 .addr = HOLE,
					 .len = 4,
					 .fd = bells[0],
					 .flags = SV_KVM_IOEVENTFD_FLAG_DATAMATCH};
	struct sv_kvm_ioeventfd second = {.addr = HOLE + 8, .fd = bells[1]}, bad = first;
	struct machine m;

	machine_open(&m, NULL);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &first), 0);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &first), -EEXIST);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &second), 0);
	bad.len = 3;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &bad), -EINVAL);
	bad.len = 0;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &bad), -EINVAL);
	bad = first;
	bad.flags = 8;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &bad), -EINVAL);
	bad = first;
	bad.datamatch = 8;
	bad.flags |= SV_KVM_IOEVENTFD_FLAG_DEASSIGN;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &bad), -ENOENT);
	for (size_t i = 0; i < COUNT(tests); i++) {
		struct scripted_step step = {SOFT_ABORT,
					     DABT | WnR | UINT64_C(1) << 24 | tests[i].iss | 3 << 16 | TRANS,
					     tests[i].ipa, tests[i].ipa};
		unsigned rung = 0;
		int rc;

		machine_set(&m, GPR(3), tests[i].value);
		machine_set(&m, PC, RAM);
		m.run->exit_reason = 0;
		scripted_play(&step, 1);
		sv_soft_schedule(m.soft, m.vm, 1, 1);
		sv_soft_next(m.soft, m.vm);
		rc = machine_run(&m);
		for (unsigned bell = 0; bell < 2; bell++) {
			eventfd_t value = 0;

			rung |= (unsigned)(!eventfd_read(bells[bell], &value) && value == 1) << bell;
		}
		check(tests[i].name, rung == tests[i].rings);
		/* Who rings comes to no exit, and is done. */
		check(tests[i].name, rc == (rung ? -EINTR : 0));
		check(tests[i].name, machine_get(&m, PC) == RAM + (rung ? 4 : 0));
	}
	first.flags |= SV_KVM_IOEVENTFD_FLAG_DEASSIGN;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &first), 0);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IOEVENTFD, &first), -ENOENT);
	machine_close(&m);
	close(bells[0]);
	close(bells[1]);
}

/* PSCI by HVC: x0..x3 before, x0 after, or a system event. */
static void psci(void **state)
{
	static const struct {
		const char *name;
		uint64_t x0, x1, x2, x3;
		int64_t result;
		uint32_t event; /* 0: none */
	} tests[] = {
		{"PSCI_VERSION", 0x84000000, 0, 0, 0, 0x10001},
		{"the upper half of x0 is no part of the number", 0xffffffff84000000, 0, 0, 0, 0x10001},
		{"SMCCC_VERSION", 0x80000000, 0, 0, 0, 0x10001},
		{"MIGRATE_INFO_TYPE", 0x84000006, 0, 0, 0, 2},
		{"not there", 0x84000005, 0, 0, 0, -1},
		{"64 bits of what has none", 0xc4000000, 0, 0, 0, -1},
		{"PSCI_FEATURES of CPU_ON", 0x8400000a, 0xc4000003, 0, 0, 0},
		{"PSCI_FEATURES of MIGRATE", 0x8400000a, 0x84000005, 0, 0, -1},
		{"AFFINITY_INFO of this", 0xc4000004, 0, 0, 0, 0},
		{"AFFINITY_INFO of one that is off", 0xc4000004, 1, 0, 0, 1},
		{"AFFINITY_INFO of both", 0xc4000004, 1, 1, 0, 0},
		{"AFFINITY_INFO of none", 0xc4000004, 2, 0, 0, -2},
		{"AFFINITY_INFO of no level", 0xc4000004, 0, 4, 0, -2},
		{"CPU_ON of none", 0xc4000003, 2, 0, 0, -2},
		{"CPU_ON of this", 0xc4000003, 0, 0, 0, -4},
		{"CPU_ON", 0xc4000003, 1, 0xffff000040001000, 0xffff000000000055, 0},
		{"CPU_ON again", 0xc4000003, 1, 0, 0, -4},
		{"AFFINITY_INFO of one that is on", 0xc4000004, 1, 0, 0, 0},
		{"SYSTEM_OFF", 0x84000008, 0, 0, 0, -6, SV_KVM_SYSTEM_EVENT_SHUTDOWN},
		{"SYSTEM_RESET", 0x84000009, 0, 0, 0, -6, SV_KVM_SYSTEM_EVENT_RESET},
		{"SYSTEM_RESET2", 0xc4000012, 0, 0, 0, -6, SV_KVM_SYSTEM_EVENT_RESET},
	};
	struct sv_kvm_mp_state on = {SV_KVM_MP_STATE_RUNNABLE}, other;
	struct machine m;
	int second, first;

	machine_open(&m, NULL);
	first = m.vcpu;
	second = machine_add_vcpu(&m, 1, 1u << SV_KVM_ARM_VCPU_POWER_OFF);
	for (size_t i = 0; i < COUNT(tests); i++) {
		static const struct scripted_step hvc = {SOFT_HVC};
		int rc;

		machine_ioctl(&m, m.vcpu, SV_KVM_SET_MP_STATE, &on);
		machine_set(&m, GPR(0), tests[i].x0);
		machine_set(&m, GPR(1), tests[i].x1);
		machine_set(&m, GPR(2), tests[i].x2);
		machine_set(&m, GPR(3), tests[i].x3);
		scripted_play(&hvc, 1);
		sv_soft_schedule(m.soft, m.vm, 1, 1);
		while (sv_soft_next(m.soft, m.vm) != first)
			;
		rc = machine_run(&m);
		check(tests[i].name, (int64_t)machine_get(&m, GPR(0)) == tests[i].result);
		check(tests[i].name, rc == (tests[i].event ? 0 : -EINTR));
		if (tests[i].event) {
			check(tests[i].name, m.run->exit_reason == SV_KVM_EXIT_SYSTEM_EVENT);
			check(tests[i].name, m.run->system_event.type == tests[i].event);
			/* All are off. */
			machine_ioctl(&m, second, SV_KVM_GET_MP_STATE, &other);
			check(tests[i].name, other.mp_state == SV_KVM_MP_STATE_STOPPED);
			check(tests[i].name, sv_soft_next(m.soft, m.vm) == -EAGAIN);
		}
	}
	/* Where CPU_ON put it. */
	machine_ioctl(&m, second, SV_KVM_SET_MP_STATE, &on);
	m.vcpu = second;
	while (sv_soft_next(m.soft, m.vm) != second)
		;
	assert_int_equal(machine_run(&m), -EINTR);
	assert_int_equal(machine_get(&m, PC), 0xffff000040001000);
	assert_int_equal(machine_get(&m, GPR(0)), 0xffff000000000055);
	assert_int_equal(machine_get(&m, MPIDR), 0x80000001);
	machine_close(&m);
}

static void smc(void **state)
{
	static const struct {
		uint16_t immediate;
		uint64_t x0;
	} tests[] = {{0, 0x10001}, {1, ~UINT64_C(0)}};

	for (size_t i = 0; i < COUNT(tests); i++) {
		struct scripted_step step = {SOFT_SMC, .immediate = tests[i].immediate};
		struct machine m;

		machine_open(&m, NULL);
		machine_set(&m, GPR(0), 0x84000000);
		scripted_play(&step, 1);
		sv_soft_schedule(m.soft, m.vm, 1, 1);
		sv_soft_next(m.soft, m.vm);
		assert_int_equal(machine_run(&m), -EINTR);
		assert_int_equal(machine_get(&m, GPR(0)), tests[i].x0);
		assert_int_equal(machine_get(&m, PC), RAM + 4);
		machine_close(&m);
	}
}

static void single_step(void **state)
{
	static const struct scripted_step load = {SOFT_ABORT, DABT | UINT64_C(1) << 24 | TRANS, HOLE, HOLE},
					  done = {SOFT_DEBUG};
	struct sv_kvm_guest_debug debug = {.control = SV_KVM_GUESTDBG_ENABLE | SV_KVM_GUESTDBG_SINGLESTEP};
	struct sv_kvm_guest_debug hardware = {.control = SV_KVM_GUESTDBG_ENABLE | 1 << 17};
	struct machine m;

	machine_open(&m, NULL);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_SET_GUEST_DEBUG, &hardware), -EINVAL);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_SET_GUEST_DEBUG, &debug), 0);
	scripted_play(&done, 1);
	assert_int_equal(machine_run(&m), 0);
	assert_int_equal(m.run->exit_reason, SV_KVM_EXIT_DEBUG);
	assert_int_equal(m.run->debug.hsr >> 26, 0x32);
	/* An access that userspace completes is a step too, told before the next instruction. */
	scripted_play(&load, 1);
	assert_int_equal(machine_run(&m), 0);
	assert_int_equal(m.run->exit_reason, SV_KVM_EXIT_MMIO);
	assert_int_equal(machine_run(&m), 0);
	assert_int_equal(m.run->exit_reason, SV_KVM_EXIT_DEBUG);
	assert_int_equal(machine_get(&m, PC), RAM + 4);
	assert_int_equal(scripted_entries(), 1);
	debug.control = 0;
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_SET_GUEST_DEBUG, &debug), 0);
	machine_close(&m);
}

static void mp_state(void **state)
{
	struct sv_kvm_mp_state other = {10}, stopped = {SV_KVM_MP_STATE_STOPPED}, is;
	struct machine m;

	machine_open(&m, NULL);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_SET_MP_STATE, &other), -EINVAL);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_SET_MP_STATE, &stopped), 0);
	assert_int_equal(machine_ioctl(&m, m.vcpu, SV_KVM_GET_MP_STATE, &is), 0);
	assert_int_equal(is.mp_state, SV_KVM_MP_STATE_STOPPED);
	machine_close(&m);
}

static void immediate_exit(void **state)
{
	struct machine m;

	machine_open(&m, NULL);
	scripted_play(NULL, 0);
	m.run->exit_reason = SV_KVM_EXIT_SYSTEM_EVENT;
	m.run->immediate_exit = 1;
	assert_int_equal(machine_run(&m), -EINTR);
	assert_int_equal(scripted_entries(), 0);
	/* Nothing ran, and the page is as it was. */
	assert_int_equal(m.run->exit_reason, SV_KVM_EXIT_SYSTEM_EVENT);
	machine_close(&m);
}

static pthread_barrier_t entered;
static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	handled++;
}

static void arrive(struct soft_cpu *cpu, const struct soft_bus *bus)
{
	pthread_barrier_wait(&entered);
}

static void *run_thread(void *opaque)
{
	struct machine *m = opaque;

	return (void *)(intptr_t)machine_run(m);
}

/* A signal, without immediate_exit, ends KVM_RUN: in the guest, waiting for an event, and switched off. */
static void kicks(void **state)
{
	/* The first slice is over before the signal comes. */
	static const struct scripted_step running[] = {{SOFT_BUDGET},
						       {SOFT_BUDGET},
						       {SOFT_BUDGET, .act = arrive}},
					  waiting[] = {{SOFT_BUDGET},
						       {SOFT_BUDGET},
						       {SOFT_WFI, .act = arrive}};
	const struct {
		const struct scripted_step *steps;
		size_t count;
	} tests[] = {{running, COUNT(running)}, {waiting, COUNT(waiting)}, {NULL, 0}};
	struct sigaction action = {.sa_handler = on_signal}, before;

	sigaction(SIGUSR1, &action, &before);
	for (size_t i = 0; i < COUNT(tests); i++) {
		struct sv_kvm_mp_state stopped = {SV_KVM_MP_STATE_STOPPED};
		struct machine m;
		pthread_t thread;
		void *rc;

		machine_open(&m, NULL);
		handled = 0;
		pthread_barrier_init(&entered, NULL, 2);
		scripted_play(tests[i].steps, tests[i].count);
		if (!tests[i].count)
			machine_ioctl(&m, m.vcpu, SV_KVM_SET_MP_STATE, &stopped);
		assert_int_equal(pthread_create(&thread, NULL, run_thread, &m), 0);
		if (tests[i].count)
			pthread_barrier_wait(&entered);
		/*
		 * One that comes before KVM_RUN looks for them is one that came before KVM_RUN: again, then.
		 */
		while (pthread_kill(thread, SIGUSR1), pthread_tryjoin_np(thread, &rc) == EBUSY)
			usleep(1000);
		assert_int_equal((int)(intptr_t)rc, -EINTR);
		assert_int_equal(m.run->exit_reason, SV_KVM_EXIT_INTR);
		assert_true(handled);
		pthread_barrier_destroy(&entered);
		machine_close(&m);
	}
	sigaction(SIGUSR1, &before, NULL);
}

static _Atomic bool released;

static void wait_for_release(struct soft_cpu *cpu, const struct soft_bus *bus)
{
	pthread_barrier_wait(&entered);
	usleep(20000);
	atomic_store(&released, true);
}

/* A register of a running vCPU is to be had when KVM_RUN is over. */
static void others_wait(void **state)
{
	static const struct scripted_step steps[] = {
		{SOFT_ABORT, DABT | UINT64_C(1) << 24 | TRANS, HOLE, HOLE, wait_for_release}};
	struct machine m;
	pthread_t thread;

	machine_open(&m, NULL);
	atomic_store(&released, false);
	pthread_barrier_init(&entered, NULL, 2);
	scripted_play(steps, COUNT(steps));
	assert_int_equal(pthread_create(&thread, NULL, run_thread, &m), 0);
	pthread_barrier_wait(&entered);
	assert_int_equal(machine_get(&m, PC), RAM);
	assert_true(atomic_load(&released));
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&entered);
	machine_close(&m);
}

static void vgic(void **state)
{
	struct sv_kvm_create_device device = {.type = 5};
	uint64_t address = 0x08000000, redistributor = 0x080a0000;
	uint32_t value = 0x12345678;
	struct sv_kvm_device_attr attr = {.group = SV_KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
					  .attr = 0x104,
					  .addr = (uintptr_t)&value};
	struct sv_kvm_device_attr dist = {.group = SV_KVM_DEV_ARM_VGIC_GRP_ADDR,
					  .attr = SV_KVM_VGIC_V3_ADDR_TYPE_DIST,
					  .addr = (uintptr_t)&address};
	struct sv_kvm_device_attr redist = {.group = SV_KVM_DEV_ARM_VGIC_GRP_ADDR,
					    .attr = SV_KVM_VGIC_V3_ADDR_TYPE_REDIST,
					    .addr = (uintptr_t)&redistributor};
	struct sv_kvm_device_attr init = {.group = SV_KVM_DEV_ARM_VGIC_GRP_CTRL};
	struct sv_kvm_irq_level line = {.irq = 1 << 24 | 33, .level = 1};
	struct machine m;
	int fd;

	machine_open(&m, NULL);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IRQ_LINE, &line), -ENXIO);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_CREATE_DEVICE, &device), -ENODEV);
	device.type = SV_KVM_DEV_TYPE_ARM_VGIC_V3;
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_CREATE_DEVICE, &device), 0);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_CREATE_DEVICE, &device), -EEXIST);
	fd = (int)device.fd;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_GET_DEVICE_ATTR, &attr), -EBUSY);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &init), -ENXIO);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &dist), 0);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &dist), -EEXIST);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &redist), 0);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &init), 0);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_CREATE_VCPU, (void *)1), -EBUSY);
	assert_int_equal(machine_ioctl(&m, m.vm, SV_KVM_IRQ_LINE, &line), 0);
	/* ISENABLER1 and ICENABLER1 are one state. */
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &attr), 0);
	attr.attr = 0x184;
	value = 0x78;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &attr), 0);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_GET_DEVICE_ATTR, &attr), 0);
	assert_int_equal(value, 0x12345600);
	/* ISPENDR1's attribute is the state itself, ICPENDR1's reads as zero and ignores writes. */
	attr.attr = 0x204;
	value = 0xff;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &attr), 0);
	attr.attr = 0x284;
	value = 0x0f;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_SET_DEVICE_ATTR, &attr), 0);
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_GET_DEVICE_ATTR, &attr), 0);
	assert_int_equal(value, 0);
	attr.attr = 0x204;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_GET_DEVICE_ATTR, &attr), 0);
	assert_int_equal(value, 0xff);
	attr.attr = 0x2000;
	assert_int_equal(machine_ioctl(&m, fd, SV_KVM_GET_DEVICE_ATTR, &attr), -ENXIO);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(descriptors),
		cmocka_unit_test(vms),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(memslots),
		cmocka_unit_test(memslots2),
		cmocka_unit_test(dirty_log),
		cmocka_unit_test(host_takes_pages),
		cmocka_unit_test(vcpus),
		cmocka_unit_test(registers),
		cmocka_unit_test(register_list),
		cmocka_unit_test(doorbells),
		cmocka_unit_test(psci),
		cmocka_unit_test(smc),
		cmocka_unit_test(single_step),
		cmocka_unit_test(mp_state),
		cmocka_unit_test(immediate_exit),
		cmocka_unit_test(kicks),
		cmocka_unit_test(others_wait),
		cmocka_unit_test(vgic),
	};

	return cmocka_run_group_tests_name("softkvm-interface", all, NULL, NULL);
}
