package clock

import (
	"syscall"
	"time"
	"unsafe"
)

// clockBootTime is CLOCK_BOOTTIME, which goes on while the machine is suspended. The package syscall does not name it.
const clockBootTime = 7

func sinceBoot() (time.Duration, bool) {
	var read syscall.Timespec
	_, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockBootTime, uintptr(unsafe.Pointer(&read)), 0)
	return time.Duration(read.Nano()), failed == 0
}
