# Disable takes the weight away and flushes the flows, whatever flush-on-down says.

check web interval=2s fast-interval=500ms rise=2 fall=3
backend b1 10.0.0.1 check=web
frontend www 192.0.2.1 no-flush primary: b1=100

start
         probe b1 L4OK
         expect told b1 unknown -> up L4OK www 0->100
t=1s     operator disable b1
         expect told b1 up -> disabled disabled by alice www 100->0 flush
         expect b1 disabled every=never
t=2s     operator disable b1 -> no change
t=3s     operator pause b1 -> refused
t=4s     operator resume b1 -> refused
         expect b1 disabled
t=5s     operator enable b1
         expect told b1 disabled -> unknown enabled by alice www 0->0
         expect b1 unknown h=1/4 every=500ms

# A failure does not flush here: flush-on-down is off.
t=5s     probe b1 L4CON
         expect told b1 unknown -> down L4CON www 0->0

# Disable is judged on the state: it works from paused too.
t=6s     operator pause b1
         expect told b1 down -> paused paused by alice www 0->0
t=7s     operator disable b1
         expect told b1 paused -> disabled disabled by alice www 0->0 flush
