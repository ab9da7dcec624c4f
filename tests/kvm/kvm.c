/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The binding, on a kernel that a table scripts: which requests it makes, with what, and what it makes of
 * the answers.
 */
#include <errno.h>
#include <stdlib.h>

#include <salvage/kvm.h>

#include "kvm/uapi.h"
#include "kvm/vcpu.h"
#include "support/check.h"

#define VCPU_FD 33
#define VM_FD   44

/* A vCPU's registers by KVM's ids. */
struct kernel {
	struct {
		uint64_t id, value;
	} regs[64];
	unsigned reg_count, gets, sets, injections, nisv_enabled;
	int inject_error, nisv_error, inject_capability, sea_error, sea_enabled;
	uint64_t unknown_id; /* this register does not exist */
	struct sv_kvm_run run;
	bool sve;
	uint64_t vector_lengths; /* the first word of KVM_REG_ARM64_SVE_VLS */
	unsigned length_reads;
	uint8_t vectors[32][32], predicates[16][4];
};

static uint64_t *reg_of(struct kernel *kernel, uint64_t id)
{
	for (unsigned i = 0; i < kernel->reg_count; i++)
		if (kernel->regs[i].id == id)
			return &kernel->regs[i].value;
	assert_true(kernel->reg_count < COUNT(kernel->regs));
	kernel->regs[kernel->reg_count].id = id;
	return &kernel->regs[kernel->reg_count++].value;
}

static bool is_vector(uint64_t id)
{
	return (id & 0x00f0000000000000) >= 0x0040000000000000;
}

/* P registers and the set of lengths; of a slice only the vector length counts here too. */
static int predicate(struct kernel *kernel, bool set, const struct sv_kvm_one_reg *reg)
{
	uint8_t *user = (uint8_t *)(uintptr_t)reg->addr;
	uint8_t *bytes = kernel->predicates[reg->id >> 5 & 15];

	if (!kernel->sve)
		return -ENOENT;
	if (reg->id == SV_KVM_SVE_VLS) {
		assert_false(set);
		kernel->length_reads++;
		memset(user, 0, 64);
		memcpy(user, &kernel->vector_lengths, 8);
		return 0;
	}
	assert_int_equal(reg->id & ~UINT64_C(0x1e0), SV_KVM_SVE_PREG(0));
	if (!set)
		memset(user, 0, 32);
	memcpy(set ? bytes : user, set ? user : bytes, 4);
	return 0;
}

/*
 * As the kernel has it: a vCPU has either core or Z registers, and of a slice of a Z register only the
 * vector length counts.
 */
static int vector(struct kernel *kernel, bool set, const struct sv_kvm_one_reg *reg)
{
	bool slice = (reg->id & 0x00f0000000000000) == 0x0080000000000000;
	unsigned n =
		slice ? (unsigned)(reg->id & 0xffff) >> 5 : (unsigned)((reg->id & 0xffff) * 4 - 336) / 16;
	uint8_t *user = (uint8_t *)(uintptr_t)reg->addr;
	size_t length = slice ? 32 : 16;

	assert_true(n < 32);
	if (slice != kernel->sve)
		return slice ? -ENOENT : -EINVAL;
	if (set) {
		kernel->sets++;
		memcpy(kernel->vectors[n], user, length);
	} else {
		kernel->gets++;
		memset(user, 0, slice ? 256 : 16);
		memcpy(user, kernel->vectors[n], length);
	}
	return 0;
}

static int kernel_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct kernel *kernel = opaque;
	struct sv_kvm_one_reg *reg = argument;

	assert_int_equal(fd,
			 request == SV_KVM_ENABLE_CAP || request == SV_KVM_CHECK_EXTENSION ? VM_FD : VCPU_FD);
	switch (request) {
	case SV_KVM_GET_ONE_REG:
	case SV_KVM_SET_ONE_REG:
		if (reg->id == kernel->unknown_id)
			return -ENOENT;
		if ((reg->id & 0x00f0000000000000) == 0x0050000000000000 || reg->id == SV_KVM_SVE_VLS)
			return predicate(kernel, request == SV_KVM_SET_ONE_REG, reg);
		if (is_vector(reg->id))
			return vector(kernel, request == SV_KVM_SET_ONE_REG, reg);
		if (request == SV_KVM_GET_ONE_REG) {
			kernel->gets++;
			*(uint64_t *)(uintptr_t)reg->addr = *reg_of(kernel, reg->id);
		} else {
			kernel->sets++;
			*reg_of(kernel, reg->id) = *(uint64_t *)(uintptr_t)reg->addr;
		}
		return 0;
	case SV_KVM_SET_VCPU_EVENTS: {
		const uint8_t *bytes = argument;

		/* The kernel refuses padding that is not zero. */
		for (unsigned i = 0; i < sizeof(struct sv_kvm_vcpu_events); i++)
			if (i != 2)
				assert_int_equal(bytes[i], 0);
		assert_int_equal(bytes[2], 1);
		if (kernel->inject_error)
			return kernel->inject_error;
		kernel->injections++;
		return 0;
	}
	case SV_KVM_ENABLE_CAP: {
		const struct sv_kvm_enable_cap *cap = argument;

		assert_int_equal(cap->flags, 0);
		for (size_t i = 0; i < COUNT(cap->args); i++)
			assert_int_equal(cap->args[i], 0);
		if (cap->cap == SV_KVM_CAP_ARM_SEA_TO_USER) {
			kernel->sea_enabled += !kernel->sea_error;
			return kernel->sea_error;
		}
		assert_int_equal(cap->cap, SV_KVM_CAP_ARM_NISV_TO_USER);
		kernel->nisv_enabled += !kernel->nisv_error;
		return kernel->nisv_error;
	}
	case SV_KVM_CHECK_EXTENSION:
		if ((uintptr_t)argument == SV_KVM_CAP_ARM_INJECT_EXT_DABT)
			return kernel->inject_capability;
		return 0;
	default:
		fail_msg("unexpected request %lx", request);
		return -ENOTTY;
	}
}

static uint32_t code[2] = {0xa9400801, 0xd503201f}; /* ldp x1, x2, [x0] */

struct bench {
	struct kernel kernel;
	struct sv_kvm_backend backend;
	struct sv_kvm_vcpu vcpu;
	struct sv_region regions[4];
	struct sv_space space;
	unsigned dirtied;
};

static void dirty(void *opaque, uint64_t ipa, unsigned size)
{
	struct bench *bench = opaque;

	bench->dirtied += size;
}

static void setup(struct bench *bench, uint64_t features)
{
	memset(bench, 0, sizeof(*bench));
	bench->backend = (struct sv_kvm_backend){kernel_ioctl, &bench->kernel};
	*reg_of(&bench->kernel, 0x6030000000100040) = 0x40000000; /* PC */
	*reg_of(&bench->kernel, 0x6030000000100042) = 0x3c5;      /* PSTATE */
	*reg_of(&bench->kernel, 0x6030000000100000) = 0x0a000000; /* x0 */
	assert_int_equal(sv_kvm_vcpu_init(&bench->vcpu, &bench->backend, VCPU_FD,
					  (struct kvm_run *)&bench->kernel.run, features),
			 SV_OK);
	bench->vcpu.dirty = dirty;
	bench->vcpu.opaque = bench;
	sv_space_init(&bench->space, bench->regions, COUNT(bench->regions));
	sv_space_add(&bench->space, &(struct sv_region){.first = 0x40000000,
							.last = 0x40000007,
							.kind = SV_REGION_RAM,
							.name = "ram",
							.host = code});
	sv_space_add(&bench->space, &(struct sv_region){.first = 0x0a000000,
							.last = 0x0a0000ff,
							.kind = SV_REGION_WINDOW,
							.name = "device",
							.sizes = SV_SIZES_ANY});
	bench->kernel.run.exit_reason = SV_KVM_EXIT_ARM_NISV;
	bench->kernel.run.arm_nisv.esr_iss = 0x06;
	bench->kernel.run.arm_nisv.fault_ipa = 0x0a000000;
	bench->kernel.gets = bench->kernel.sets = 0;
}

/* The ids that Documentation/virt/kvm/api.rst gives, as numbers. */
static void register_ids(void **state)
{
	static const struct {
		enum sv_reg reg;
		uint64_t id;
	} ids[] = {
		{SV_X0, 0x6030000000100000},        {SV_X30, 0x603000000010003c},
		{SV_SP_EL0, 0x603000000010003e},    {SV_PC, 0x6030000000100040},
		{SV_PSTATE, 0x6030000000100042},    {SV_SP_EL1, 0x6030000000100044},
		{SV_SCTLR_EL1, 0x603000000013c080}, {SV_TCR_EL1, 0x603000000013c102},
		{SV_TTBR0_EL1, 0x603000000013c100}, {SV_TTBR1_EL1, 0x603000000013c101},
		{SV_MAIR_EL1, 0x603000000013c510},  {SV_TCR2_EL1, 0x603000000013c103},
	};
	struct bench bench;

	setup(&bench, 0);
	for (size_t i = 0; i < COUNT(ids); i++) {
		uint64_t value = 0;

		*reg_of(&bench.kernel, ids[i].id) = 0x1234 + i;
		assert_int_equal(sv_kvm_get(&bench.vcpu, ids[i].reg, &value), SV_OK);
		assert_int_equal(value, 0x1234 + i);
		assert_int_equal(sv_kvm_set(&bench.vcpu, ids[i].reg, 0x5678 + i), SV_OK);
		assert_int_equal(*reg_of(&bench.kernel, ids[i].id), 0x5678 + i);
	}
	/* 31 is no register, and neither is what is not listed. */
	assert_int_equal(sv_kvm_get(&bench.vcpu, 31, &(uint64_t){0}), SV_REGISTER);
	assert_int_equal(sv_kvm_get(&bench.vcpu, SV_REG_COUNT, &(uint64_t){0}), SV_REGISTER);
	/*
	 * How much DC ZVA zeroes is the kernel's to say, if it knows; KVM does not, and then it is the host's
	 * CPU.
	 */
	uint64_t value, host;

	*reg_of(&bench.kernel, SV_KVM_SYSREG(UINT64_C(3), 3, 0, 0, 7)) = 5;
	assert_int_equal(sv_kvm_get(&bench.vcpu, SV_DCZID_EL0, &value), SV_OK);
	assert_int_equal(value, 5);
	bench.kernel.unknown_id = SV_KVM_SYSREG(UINT64_C(3), 3, 0, 0, 7);
	assert_int_equal(sv_kvm_get(&bench.vcpu, SV_DCZID_EL0, &value), sv_host_dczid(&host));
	bench.kernel.unknown_id = 1; /* the kernel itself would take any */
	assert_int_equal(sv_kvm_set(&bench.vcpu, 31, 0), SV_REGISTER);
	assert_int_equal(sv_kvm_set(&bench.vcpu, SV_REG_COUNT, 0), SV_REGISTER);
	bench.kernel.unknown_id = 0x6030000000100000;
	assert_int_equal(sv_kvm_get(&bench.vcpu, SV_X0, &(uint64_t){0}), SV_REGISTER);
	assert_int_equal(sv_kvm_set(&bench.vcpu, SV_X0, 0), SV_REGISTER);
}

static void vector_registers(void **state)
{
	for (unsigned sve = 0; sve < 2; sve++) {
		struct bench bench;
		uint8_t value[16], expected[32] = {0};

		setup(&bench, 0);
		bench.kernel.sve = sve;
		for (unsigned n = 0; n < 32; n++) {
			memset(bench.kernel.vectors[n], 0x40 + (int)n, 32);
			assert_int_equal(sv_kvm_get_simd(&bench.vcpu, n, value), SV_OK);
			assert_memory_equal(value, bench.kernel.vectors[n], 16);
			memset(value, 0x80 + (int)n, 16);
			memcpy(expected, value, 16);
			assert_int_equal(sv_kvm_set_simd(&bench.vcpu, n, value), SV_OK);
			/* With SVE the rest of the register becomes zero. */
			assert_memory_equal(bench.kernel.vectors[n], expected, sve ? 32 : 16);
		}
		assert_int_equal(bench.vcpu.sve, sve);
		assert_int_equal(sv_kvm_get_simd(&bench.vcpu, 32, value), SV_REGISTER);
		bench.kernel.unknown_id = sve ? 0x6080000000150000 : 0x6040000000100054;
		assert_int_equal(sv_kvm_get_simd(&bench.vcpu, 0, value), SV_REGISTER);
		assert_int_equal(sv_kvm_set_simd(&bench.vcpu, 0, value), SV_REGISTER);
	}
}

/* The longest vector that is there and that ZCR_EL1 allows. */
static void vector_lengths(void **state)
{
	static const struct {
		uint64_t there, zcr, pfr1;
		enum sv_status status;
		unsigned bytes;
	} cases[] = {
		{0x1, 0x0, 0, SV_OK, 16},
		{0x1, 0xf, 0, SV_OK, 16},
		{0xb, 0xf, 0, SV_OK, 64},
		{0xb, 0x2, 0, SV_OK, 32},
		{0xb, 0x3, 0, SV_OK, 64},
		{0xffff, 0xf, 0, SV_OK, 256},
		{0xffff, 0x1f4, 0, SV_OK, 80},
		{0, 0xf, 0, SV_UNSUPPORTED, 0},
		/* With SME nobody can tell whether it is in streaming mode. */
		{0xffff, 0xf, 1 << 24, SV_UNSUPPORTED, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench bench;
		unsigned bytes = 0;

		setup(&bench, 0);
		bench.kernel.sve = true;
		bench.kernel.vector_lengths = cases[i].there;
		*reg_of(&bench.kernel, SV_KVM_SYSREG(UINT64_C(3), 0, 1, 2, 0)) = cases[i].zcr;
		*reg_of(&bench.kernel, SV_KVM_SYSREG(UINT64_C(3), 0, 0, 4, 1)) = cases[i].pfr1;
		assert_int_equal(sv_kvm_vector_length(&bench.vcpu, &bytes), cases[i].status);
		assert_int_equal(bytes, cases[i].bytes);
		/* ZCR_EL1 is the guest's to change; what is there stays. */
		*reg_of(&bench.kernel, SV_KVM_SYSREG(UINT64_C(3), 0, 1, 2, 0)) = 0;
		assert_int_equal(sv_kvm_vector_length(&bench.vcpu, &bytes), cases[i].status);
		assert_int_equal(bytes, cases[i].bytes ? 16 : 0);
		assert_int_equal(bench.kernel.length_reads, !cases[i].pfr1);
	}

	struct bench bench;

	setup(&bench, 0);
	assert_int_equal(sv_kvm_vector_length(&bench.vcpu, &(unsigned){0}), SV_UNSUPPORTED);
	bench.kernel.sve = true;
	assert_int_equal(sv_kvm_vector_length(&bench.vcpu, &(unsigned){0}), SV_UNSUPPORTED);
}

static void whole_vectors(void **state)
{
	struct bench bench;
	uint8_t value[32];

	setup(&bench, 0);
	bench.kernel.sve = true;
	for (unsigned n = 0; n < 32; n++) {
		memset(value, (int)n + 1, 32);
		assert_int_equal(sv_kvm_set_vector(&bench.vcpu, n, 32, value), SV_OK);
		assert_memory_equal(bench.kernel.vectors[n], value, 32);
		/* A shorter one zeroes what lies above. */
		assert_int_equal(sv_kvm_set_vector(&bench.vcpu, n, 16, value), SV_OK);
		assert_int_equal(sv_kvm_get_vector(&bench.vcpu, n, 32, value), SV_OK);
		assert_int_equal(value[15], n + 1);
		assert_int_equal(value[16], 0);
	}
	for (unsigned n = 0; n < 16; n++) {
		memset(value, (int)n + 1, 4);
		assert_int_equal(sv_kvm_set_predicate(&bench.vcpu, n, 4, value), SV_OK);
		assert_memory_equal(bench.kernel.predicates[n], value, 4);
		assert_int_equal(sv_kvm_get_predicate(&bench.vcpu, n, 2, value), SV_OK);
	}
	assert_int_equal(sv_kvm_get_vector(&bench.vcpu, 32, 16, value), SV_REGISTER);
	assert_int_equal(sv_kvm_set_vector(&bench.vcpu, 32, 16, value), SV_REGISTER);
	assert_int_equal(sv_kvm_get_vector(&bench.vcpu, 0, 257, value), SV_REGISTER);
	assert_int_equal(sv_kvm_get_predicate(&bench.vcpu, 16, 2, value), SV_REGISTER);
	assert_int_equal(sv_kvm_set_predicate(&bench.vcpu, 0, 33, value), SV_REGISTER);
	bench.kernel.unknown_id = SV_KVM_SVE_PREG(3);
	assert_int_equal(sv_kvm_get_predicate(&bench.vcpu, 3, 2, value), SV_REGISTER);
}

static void a_whole_abort(void **state)
{
	struct bench bench;
	struct sv_session *session = &bench.vcpu.session;

	setup(&bench, 0);
	assert_true(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
	for (uint64_t element = 0; element < 2; element++) {
		uint64_t value = 0x1111 << element;

		assert_int_equal(sv_session_next(session), SV_VERDICT_ACCESS);
		assert_int_equal(session->access.ipa, 0x0a000000 + element * 8);
		memcpy(session->access.data, &value, 8);
	}
	assert_int_equal(sv_session_next(session), SV_VERDICT_RESUME);
	assert_int_equal(*reg_of(&bench.kernel, 0x6030000000100002), 0x1111);
	assert_int_equal(*reg_of(&bench.kernel, 0x6030000000100004), 0x2222);
	assert_int_equal(*reg_of(&bench.kernel, 0x6030000000100040), 0x40000004);
	/* PC, PSTATE, SCTLR_EL1, x0 in; x1, x2, PC out. */
	assert_int_equal(bench.kernel.gets, 4);
	assert_int_equal(bench.kernel.sets, 3);
	assert_int_equal(bench.kernel.injections, 0);
}

static void injects(void **state)
{
	struct bench bench;

	setup(&bench, 0);
	bench.kernel.run.arm_nisv.fault_ipa = *reg_of(&bench.kernel, 0x6030000000100000) = 0x0b000000;
	assert_true(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
	assert_int_equal(sv_session_next(&bench.vcpu.session), SV_VERDICT_RESUME);
	assert_int_equal(bench.kernel.injections, 1);
	assert_int_equal(bench.kernel.sets, 0);

	bench.kernel.inject_error = -EINVAL;
	assert_true(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
	assert_int_equal(sv_session_next(&bench.vcpu.session), SV_VERDICT_STOP);
	assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_NO_INJECTION);
}

static void holes(void **state)
{
	struct bench bench;

	setup(&bench, 0);
	bench.kernel.run.exit_reason = SV_KVM_EXIT_MMIO;
	bench.kernel.run.mmio.phys_addr = 0x0b000000;
	bench.kernel.run.mmio.is_write = 1;
	assert_false(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
	assert_int_equal(sv_kvm_hole(&bench.vcpu, &bench.space, NULL), SV_VERDICT_RESUME);
	assert_int_equal(bench.vcpu.session.report.ipa, 0x0b000000);
	assert_true(bench.vcpu.session.report.write);
	assert_int_equal(bench.kernel.injections, 1);
	/* A completion of the MMIO is pending: nothing but the injection may change the vCPU. */
	assert_int_equal(bench.kernel.sets, 0);
	bench.kernel.run.exit_reason = SV_KVM_EXIT_MMIO; /* the next one */
	bench.kernel.run.mmio.is_write = 0;
	assert_int_equal(sv_kvm_hole(&bench.vcpu, &bench.space, NULL), SV_VERDICT_RESUME);
	assert_false(bench.vcpu.session.report.write);
}

static void other_exits_are_not_ours(void **state)
{
	static const uint32_t reasons[] = {SV_KVM_EXIT_UNKNOWN,
					   SV_KVM_EXIT_MMIO,
					   SV_KVM_EXIT_INTR,
					   SV_KVM_EXIT_SYSTEM_EVENT,
					   SV_KVM_EXIT_ARM_SEA,
					   SV_KVM_EXIT_MEMORY_FAULT,
					   27,
					   29,
					   UINT32_MAX};
	struct bench bench;

	setup(&bench, 0);
	for (size_t i = 0; i < COUNT(reasons); i++) {
		bench.kernel.run.exit_reason = reasons[i];
		assert_false(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
	}
	assert_int_equal(bench.kernel.gets, 0);
}

static void virtual_el2(void **state)
{
	struct bench bench;

	setup(&bench, UINT64_C(1) << SV_KVM_ARM_VCPU_HAS_EL2);
	assert_true(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
	assert_int_equal(sv_session_next(&bench.vcpu.session), SV_VERDICT_RESUME);
	assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_VIRTUAL_EL2);
	assert_int_equal(bench.kernel.injections, 1);
}

/* Which ID register has a feature; what its fields mean is sv_mmu_features' business. */
static void features(void **state)
{
	static const struct {
		uint64_t id, value;
		unsigned features;
	} registers[] = {
		{0x603000000013c038, 0x5, SV_MMU_PA_BITS(48)},       /* ID_AA64MMFR0_EL1.PARange */
		{0x603000000013c039, 0x2, SV_MMU_HA | SV_MMU_HD},    /* ID_AA64MMFR1_EL1.HAFDBS */
		{0x603000000013c03a, 0x10000, SV_MMU_LVA},           /* ID_AA64MMFR2_EL1.VARange */
		{0x603000000013c03b, 0x100, SV_MMU_S1PIE},           /* ID_AA64MMFR3_EL1.S1PIE */
		{0x603000000013c021, UINT64_C(1) << 52, SV_MMU_MTX}, /* ID_AA64PFR1_EL1.MTEX */
		{0x603000000013c031, 0x10, SV_MMU_TBID},             /* ID_AA64ISAR1_EL1.APA */
		{0x603000000013c032, 0x1000, SV_MMU_TBID},           /* ID_AA64ISAR2_EL1.APA3 */
	};
	struct bench bench;

	setup(&bench, 0);
	for (size_t i = 0; i < 2 * COUNT(registers); i++) {
		unsigned want = SV_MMU_NO_16K | SV_MMU_PA_BITS(32), features = registers[i / 2].features;

		*reg_of(&bench.kernel, registers[i / 2].id) = i % 2 ? 0 : registers[i / 2].value;
		assert_int_equal(sv_kvm_vcpu_init(&bench.vcpu, &bench.backend, VCPU_FD,
						  (struct kvm_run *)&bench.kernel.run, 0),
				 SV_OK);
		if (!(i % 2))
			want = features >> 24 ? SV_MMU_NO_16K | features : want | features;
		assert_int_equal(bench.vcpu.cpu.mmu_features, want);
	}
	for (size_t i = 0; i < COUNT(registers); i++) {
		bench.kernel.unknown_id = registers[i].id;
		assert_int_equal(sv_kvm_vcpu_init(&bench.vcpu, &bench.backend, VCPU_FD,
						  (struct kvm_run *)&bench.kernel.run, 0),
				 SV_REGISTER);
	}
}

static void stores_are_dirty(void **state)
{
	static uint32_t memory[4] = {0xa9000801}; /* stp x1, x2, [x0] */
	struct bench bench;
	struct sv_session *session = &bench.vcpu.session;

	setup(&bench, 0);
	sv_space_remove(&bench.space, 0x40000000, true);
	sv_space_add(&bench.space, &(struct sv_region){.first = 0x40000000,
						       .last = 0x4000000f,
						       .kind = SV_REGION_RAM,
						       .name = "ram",
						       .host = memory});
	sv_space_add(&bench.space, &(struct sv_region){.first = 0x40000010,
						       .last = 0x4000001f,
						       .kind = SV_REGION_WINDOW,
						       .name = "edge",
						       .sizes = SV_SIZES_ANY});
	*reg_of(&bench.kernel, 0x6030000000100000) = 0x40000008;
	*reg_of(&bench.kernel, 0x6030000000100002) = 0x1122334455667788;
	bench.kernel.run.arm_nisv.esr_iss = 0x46;
	bench.kernel.run.arm_nisv.fault_ipa = 0x40000010;
	assert_true(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
	assert_int_equal(sv_session_next(session), SV_VERDICT_ACCESS);
	assert_int_equal(session->access.ipa, 0x40000010);
	assert_int_equal(sv_session_next(session), SV_VERDICT_RESUME);
	assert_int_equal(bench.dirtied, 8);
	assert_int_equal(memory[2], 0x55667788);
	assert_int_equal(memory[3], 0x11223344);
}

/*
 * Memory that is not mapped in this process is an error, not a crash; and who does not track dirty pages is
 * not called.
 */
static void unmapped_memory(void **state)
{
	static uint32_t memory[4] = {0xa9000801}; /* stp x1, x2, [x0] */
	struct bench bench;

	for (unsigned mapped = 0; mapped < 2; mapped++) {
		static uint64_t half;

		setup(&bench, 0);
		bench.vcpu.dirty = mapped ? NULL : dirty;
		sv_space_remove(&bench.space, 0x40000000, true);
		sv_space_add(&bench.space, &(struct sv_region){.first = 0x40000000,
							       .last = 0x40000003,
							       .kind = SV_REGION_RAM,
							       .name = "code",
							       .host = memory});
		sv_space_add(&bench.space, &(struct sv_region){.first = 0x0a000100,
							       .last = 0x0a000107,
							       .kind = SV_REGION_RAM,
							       .name = "unmapped",
							       .host = mapped ? &half : NULL});
		*reg_of(&bench.kernel, 0x6030000000100000) = 0x0a0000f8;
		*reg_of(&bench.kernel, 0x6030000000100004) = 0x5566;
		bench.kernel.run.arm_nisv.esr_iss = 0x46;
		bench.kernel.run.arm_nisv.fault_ipa = 0x0a0000f8;
		assert_true(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
		assert_int_equal(sv_session_next(&bench.vcpu.session), SV_VERDICT_ACCESS);
		assert_int_equal(sv_session_next(&bench.vcpu.session), SV_VERDICT_RESUME);
		assert_int_equal(bench.vcpu.session.report.reason,
				 mapped ? SV_REASON_NONE : SV_REASON_MEMORY_FAULT);
		assert_int_equal(bench.dirtied, 0);
		assert_int_equal(half, mapped ? 0x5566 : 0);
	}
	sv_space_remove(&bench.space, 0x40000000, true);
	sv_space_add(&bench.space,
		     &(struct sv_region){
			     .first = 0x40000000, .last = 0x40000007, .kind = SV_REGION_RAM, .name = "code"});
	*reg_of(&bench.kernel, 0x6030000000100040) = 0x40000004;
	assert_true(sv_kvm_begin(&bench.vcpu, &bench.space, NULL));
	assert_int_equal(sv_session_next(&bench.vcpu.session), SV_VERDICT_RESUME);
	assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_FETCH_FAULT);
}

static void capabilities(void **state)
{
	static const struct {
		unsigned wanted;
		int nisv_error, inject, sea_error;
		unsigned bits, nisv, sea; /* what is on */
	} kernels[] = {
		{SV_KVM_NISV | SV_KVM_SEA, 0, 1, 0, SV_KVM_NISV | SV_KVM_INJECT | SV_KVM_SEA, 1, 1},
		{SV_KVM_NISV | SV_KVM_SEA, 0, 1, -EINVAL, SV_KVM_NISV | SV_KVM_INJECT, 1, 0},
		{SV_KVM_NISV, 0, 1, 0, SV_KVM_NISV | SV_KVM_INJECT, 1, 0},
		{SV_KVM_SEA, 0, 1, 0, SV_KVM_SEA | SV_KVM_INJECT, 0, 1},
		{0, 0, 1, 0, SV_KVM_INJECT, 0, 0},
		{SV_KVM_NISV | SV_KVM_SEA, -EINVAL, 0, -EINVAL, 0, 0, 0},
		{SV_KVM_NISV | SV_KVM_SEA, -EINVAL, -EINVAL, -EINVAL, 0, 0, 0},
		{SV_KVM_NISV | SV_KVM_SEA, -EPERM, 1, 0, SV_KVM_INJECT | SV_KVM_SEA, 0, 1},
	};

	for (size_t i = 0; i < COUNT(kernels); i++) {
		struct kernel kernel = {.nisv_error = kernels[i].nisv_error,
					.inject_capability = kernels[i].inject,
					.sea_error = kernels[i].sea_error};
		struct sv_kvm_backend backend = {kernel_ioctl, &kernel};

		assert_int_equal(sv_kvm_enable(&backend, VM_FD, kernels[i].wanted), kernels[i].bits);
		assert_int_equal(kernel.nisv_enabled, kernels[i].nisv);
		assert_int_equal(kernel.sea_enabled, kernels[i].sea);
	}
}

/* The system backend says what ioctl(2) says. */
static void system_backend(void **state)
{
	assert_int_equal(sv_kvm_system.ioctl(sv_kvm_system.opaque, -1, SV_KVM_GET_API_VERSION, NULL), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(register_ids),
		cmocka_unit_test(vector_registers),
		cmocka_unit_test(vector_lengths),
		cmocka_unit_test(whole_vectors),
		cmocka_unit_test(a_whole_abort),
		cmocka_unit_test(injects),
		cmocka_unit_test(holes),
		cmocka_unit_test(other_exits_are_not_ours),
		cmocka_unit_test(virtual_el2),
		cmocka_unit_test(features),
		cmocka_unit_test(stores_are_dirty),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(unmapped_memory),
		cmocka_unit_test(system_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
