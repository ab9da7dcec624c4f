/* SPDX-License-Identifier: BSD-2-Clause */
/* From an exit of KVM_RUN to a session, and the vCPU that sessions see. */
#include <string.h>

#include <salvage/kvm.h>

#include "uapi.h"
#include "vcpu.h"

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	return sv_kvm_get(vcpu, reg, value);
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	return sv_kvm_set(vcpu, reg, value);
}

static char *host_address(const struct sv_region *region, uint64_t ipa)
{
	return region->host ? (char *)region->host + (ipa - region->first) : NULL;
}

/* Of a page that is known to be bad not even the attempt is made: the host would take another error. */
static bool is_bad(const struct sv_kvm_vcpu *vcpu, uint64_t ipa, unsigned size)
{
	return vcpu->poison && sv_poison_overlaps(vcpu->poison, ipa, size);
}

static enum sv_status load(void *opaque, const struct sv_region *region, uint64_t ipa, unsigned size,
			   void *data)
{
	const char *host = host_address(region, ipa);

	if (is_bad(opaque, ipa, size))
		return SV_FAULT;
	return host ? sv_kvm_guarded_load(host, size, data) : SV_FAULT;
}

static enum sv_status store(void *opaque, const struct sv_region *region, uint64_t ipa, unsigned size,
			    const void *data)
{
	struct sv_kvm_vcpu *vcpu = opaque;
	char *host = host_address(region, ipa);
	enum sv_status status;

	if (is_bad(vcpu, ipa, size))
		return SV_FAULT;
	status = host ? sv_kvm_guarded_store(host, size, data) : SV_FAULT;
	if (!status && vcpu->dirty)
		vcpu->dirty(vcpu->opaque, ipa, size);
	return status;
}

static enum sv_status inject(void *opaque, const struct sv_injection *injection)
{
	return sv_kvm_inject(opaque, injection);
}

static enum sv_status get_simd(void *vcpu, unsigned n, uint8_t value[16])
{
	return sv_kvm_get_simd(vcpu, n, value);
}

static enum sv_status set_simd(void *vcpu, unsigned n, const uint8_t value[16])
{
	return sv_kvm_set_simd(vcpu, n, value);
}

static enum sv_status vector_length(void *vcpu, unsigned *bytes)
{
	return sv_kvm_vector_length(vcpu, bytes);
}

static enum sv_status get_vector(void *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	return sv_kvm_get_vector(vcpu, n, bytes, value);
}

static enum sv_status set_vector(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	return sv_kvm_set_vector(vcpu, n, bytes, value);
}

static enum sv_status get_predicate(void *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	return sv_kvm_get_predicate(vcpu, n, bytes, value);
}

static enum sv_status set_predicate(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	return sv_kvm_set_predicate(vcpu, n, bytes, value);
}

static const struct sv_cpu_ops cpu_ops = {.regs = {get, set, get_simd, set_simd, vector_length, get_vector,
						   set_vector, get_predicate, set_predicate},
					  .load = load,
					  .store = store,
					  .inject = inject};

enum sv_status sv_kvm_vcpu_init(struct sv_kvm_vcpu *vcpu, const struct sv_kvm_backend *backend, int fd,
				struct kvm_run *run, uint64_t features)
{
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->backend = backend;
	vcpu->fd = fd;
	vcpu->run = run;
	vcpu->cpu.ops = &cpu_ops;
	vcpu->cpu.vcpu = vcpu;
	if (features >> SV_KVM_ARM_VCPU_HAS_EL2 & 1)
		vcpu->cpu.flags |= SV_CPU_EL2;
	return sv_kvm_read_features(vcpu);
}

static struct sv_kvm_run *shared_page(const struct sv_kvm_vcpu *vcpu)
{
	return (struct sv_kvm_run *)vcpu->run;
}

bool sv_kvm_begin(struct sv_kvm_vcpu *vcpu, const struct sv_space *space, const struct sv_policy *policy)
{
	const struct sv_kvm_run *run = shared_page(vcpu);
	struct sv_abort abort;

	if (run->exit_reason != SV_KVM_EXIT_ARM_NISV && run->exit_reason != SV_KVM_EXIT_ARM_LDST64B)
		return false;
	abort = (struct sv_abort){
		.esr_iss = run->arm_nisv.esr_iss,
		.fault_ipa = run->arm_nisv.fault_ipa,
		.ldst64b = run->exit_reason == SV_KVM_EXIT_ARM_LDST64B,
	};
	sv_session_begin(&vcpu->session, &vcpu->cpu, space, policy, &abort);
	return true;
}

enum sv_verdict sv_kvm_hole(struct sv_kvm_vcpu *vcpu, const struct sv_space *space,
			    const struct sv_policy *policy)
{
	const struct sv_kvm_run *run = shared_page(vcpu);

	return sv_hole(&vcpu->session, &vcpu->cpu, space, policy, run->mmio.phys_addr, run->mmio.is_write);
}
