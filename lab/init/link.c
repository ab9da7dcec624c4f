/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <termios.h>
#include <unistd.h>

#include "link.h"

#define PORT        "/dev/vport0p1"
#define PORT_DRIVER "/sys/bus/virtio/drivers/virtio_console"
#define SERIAL      "/dev/console"

/*
 * Before this the serial line carries the kernel's log, after it frames.
 */
#define SERIAL_BEGINS "\001\002salvage link\003\n"

/* How much of stdin may be under way. The serial line's reader has little room, and drops what exceeds it. */
enum { PORT_WINDOW = 65536, SERIAL_WINDOW = 1024 };

static int fd = -1;
static char input[PORT_WINDOW];
static size_t window, input_first, input_count, input_taken;
static int stdin_fd = -1;
static bool stdin_ended;

int link_fd(void)
{
	return fd;
}

static bool open_serial(void)
{
	enum { CONSOLE_LEVEL = 8 };
	struct termios raw;

	fd = open(SERIAL, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || tcgetattr(fd, &raw))
		return false;
	cfmakeraw(&raw);
	raw.c_cflag |= CLOCAL;
	/* From here on the kernel may only say that it dies. */
	klogctl(CONSOLE_LEVEL, NULL, 1);
	window = SERIAL_WINDOW;
	return !tcsetattr(fd, TCSAFLUSH, &raw) &&
	       write(fd, SERIAL_BEGINS, sizeof(SERIAL_BEGINS) - 1) == sizeof(SERIAL_BEGINS) - 1;
}

bool link_open(void)
{
	enum { TRIES = 2000, PAUSE_US = 5000 };

	/* The driver makes its ports in the background: with the driver there, the port will come. */
	for (int i = 0; i < TRIES && !access(PORT_DRIVER, F_OK); i++) {
		fd = open(PORT, O_RDWR | O_CLOEXEC);
		if (fd >= 0) {
			window = PORT_WINDOW;
			return true;
		}
		usleep(PAUSE_US);
	}
	return open_serial();
}

/*
 * Without a link there is nobody to tell: ending process 1 panics the kernel, which the host sees on the
 * console.
 */
static void write_all(const void *data, size_t length)
{
	const char *next = data;

	while (length) {
		ssize_t n = write(fd, next, length);

		if (n < 0 && errno != EINTR)
			exit(1);
		if (n > 0) {
			next += n;
			length -= n;
		}
	}
}

static void read_all(void *data, size_t length)
{
	char *next = data;

	while (length) {
		ssize_t n = read(fd, next, length);

		if (n == 0 || (n < 0 && errno != EINTR))
			exit(1);
		if (n > 0) {
			next += n;
			length -= n;
		}
	}
}

static void put_u32(unsigned char *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = value >> 8 * i;
}

static uint32_t get_u32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

void link_send(enum link_type type, const void *payload, size_t length)
{
	/* One write a frame: a frame in two would cost two requests and two interrupts. */
	static unsigned char frame[LINK_HEADER + LINK_MAX];

	frame[0] = 'S';
	frame[1] = 'V';
	frame[2] = type;
	put_u32(frame + 4, length);
	memcpy(frame + LINK_HEADER, payload, length);
	write_all(frame, LINK_HEADER + length);
}

void link_send_u32(enum link_type type, uint32_t value)
{
	unsigned char bytes[4];

	put_u32(bytes, value);
	link_send(type, bytes, sizeof(bytes));
}

void link_output(enum link_type type, int *stream, bool all)
{
	static char data[LINK_MAX];
	int left = 0;
	ssize_t n;

	if (*stream < 0)
		return;
	/* Something the command left behind may go on writing: what is there now is all there is. */
	if (all)
		ioctl(*stream, FIONREAD, &left);
	do {
		n = read(*stream, data, sizeof(data));
		if (n > 0)
			link_send(type, data, n);
		left -= n;
	} while (n > 0 && left > 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(*stream);
		*stream = -1;
	}
}

void link_stdin_start(int pipe)
{
	stdin_fd = pipe;
	link_send_u32(LINK_WANT, window);
}

int link_stdin_wants(void)
{
	return input_count ? stdin_fd : -1;
}

static void stdin_close(void)
{
	close(stdin_fd);
	stdin_fd = -1;
	input_count = 0;
}

void link_stdin_flush(void)
{
	ssize_t n = write(stdin_fd, input + input_first, input_count);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		stdin_close();
		link_send(LINK_UNREAD, NULL, 0);
		return;
	}
	input_first += n;
	input_count -= n;
	input_taken += n;
	if (input_count)
		return;
	input_first = 0;
	if (stdin_ended) {
		stdin_close();
		return;
	}
	/* All that was sent has been taken: the whole buffer is free again. */
	link_send_u32(LINK_WANT, input_taken);
	input_taken = 0;
}

static void take_stdin(size_t length)
{
	/* Never more than was asked for; the buffer is compacted so that this always fits. */
	memmove(input, input + input_first, input_count);
	input_first = 0;
	if (length > sizeof(input) - input_count)
		exit(1);
	read_all(input + input_count, length);
	input_count += length;
	if (stdin_fd < 0)
		input_count = 0;
	else
		link_stdin_flush();
}

void link_receive(int ends[3])
{
	unsigned char header[LINK_HEADER], value[4];
	uint32_t length;

	read_all(header, sizeof(header));
	length = get_u32(header + 4);
	if (header[0] != 'S' || header[1] != 'V' || length > LINK_MAX)
		exit(1);
	switch (header[2]) {
	case LINK_STDIN:
		take_stdin(length);
		break;
	case LINK_STDIN_END:
		stdin_ended = true;
		if (!input_count && stdin_fd >= 0)
			stdin_close();
		break;
	case LINK_CLOSED:
		read_all(value, sizeof(value));
		/* The command's next write ends in SIGPIPE, as it would have on the host. */
		for (uint32_t i = 1; i < 3; i++) {
			if (get_u32(value) != i || ends[i] < 0)
				continue;
			close(ends[i]);
			ends[i] = -1;
		}
		break;
	default:
		exit(1);
	}
}
