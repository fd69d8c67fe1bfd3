# A failure of the daemon's own host says nothing about a backend. After 10 s + 3 × (interval + timeout) without
# a counted result the daemon says that it is blind; the state stays.

check web interval=2s fast-interval=1s down-interval=10s timeout=500ms rise=1 fall=2
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
frontend www 192.0.2.1 primary: b1=100 b2=100

start
         probe b1 L4OK b2 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect told b2 unknown -> up L4OK www 0->100
t=1s     probe b1 L4OK b2 L4OK
         expect b1 up h=2/2 every=2s
t=3s     probe b1 descriptors b2 L4OK
t=5s     probe b1 late b2 L4OK
         expect b1 up h=2/2

# The last counted result of b1 is from t=1s; interval 2 s and timeout 0.5 s give it until 18.5 s.
t=15s    probe b1 ports b2 L4OK
t=18.5s  expect blind nothing
t=18.6s  expect blind b1
         expect b1 up h=2/2
         expect www up b1=100 b2=100

# What the network says counts again, and ends it.
t=19s    probe b1 L4CON
         expect blind nothing
         expect b1 up h=1/2 every=1s
t=20s    probe b1 L4CON
         expect told b1 up -> down L4CON www 100->0 flush

# Degraded and down have intervals of their own, and so does their patience: 10 s + 3 × (10 s + 0.5 s).
         expect b1 down h=0/2 every=10s
t=25s    probe b2 L4OK
t=40s    probe b2 L4OK
t=61.5s  probe b2 L4OK
         expect blind nothing
t=61.6s  expect blind b1

# Nobody waits for results of a backend that is not probed.
t=62s    operator disable b1
         expect told b1 down -> disabled disabled by alice www 0->0 flush
         expect blind nothing
