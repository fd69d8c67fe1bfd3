# The counter h runs from 0 to rise+fall-1; a backend is up while h >= rise.
# Here: rise 2, fall 3, so h is 0…4.

check web interval=2s fast-interval=500ms down-interval=5s timeout=1s rise=2 fall=3
backend b1 10.0.0.1 check=web
frontend www 192.0.2.1 primary: b1=100

start
         expect b1 unknown h=1/4 every=500ms
         expect www unknown pool=primary b1=0

# One pass is enough to come up, and it fills the counter.
t=0.1s   probe b1 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect b1 up h=4/4 every=2s

# More passes change nothing.
t=3.1s   probe b1 L4OK
         expect b1 up h=4/4 every=2s

# The first two failures are forgiven, at fast pace; the third takes it down.
t=5.1s   probe b1 L4CON
         expect b1 up h=3/4 every=500ms
t=5.6s   probe b1 L4CON
         expect b1 up h=2/4 every=500ms
         expect told nothing
t=6.1s   probe b1 L4CON
         expect told b1 up -> down L4CON www 100->0 flush
         expect b1 down h=0/4 every=5s
         expect www down pool=primary b1=0

# Two passes in a row bring it back; a failure between them begins the row anew.
t=11.1s  probe b1 L4OK
         expect b1 down h=1/4 every=500ms
t=11.3s  probe b1 L4CON
         expect b1 down h=0/4 every=5s
t=11.6s  probe b1 L4OK
         expect b1 down h=1/4 every=500ms
t=12.1s  probe b1 L4OK
         expect told b1 down -> up L4OK www 0->100
         expect b1 up h=4/4 every=2s
